"""Running elsewhere: the container's and Binder's files, the page about it, Windows' ways."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest
import typer
import yaml
from packaging.specifiers import SpecifierSet

from fedlab.cli import app
from fedlab.engines import under_ray
from fedlab.engines.deployment.apps import metered_copy
from fedlab.engines.deployment.submitting import program
from fedlab.keeper import Keeper

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "site/elsewhere.md").read_text("utf-8")
COMMANDS = ("lab", "estimate", "measure", "demo", "doctor", "lessons", "progress", "grade")


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def container() -> dict:
    return json.loads(text(".devcontainer/devcontainer.json"))


def blocks(language: str) -> list[str]:
    """The lines of the page's code blocks in a language; "" is for a shell."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [line for of, block in found if of == language for line in block.splitlines()]


def expect_command(words: list[str]) -> None:
    """That `python …` could be run: the module, and of fedlab's own the command and its options."""
    name, flag, module, *rest = words
    assert (name, flag) == ("python", "-m")
    spec = find_spec(module)
    assert spec is not None, module
    assert spec.submodule_search_locations is None or find_spec(f"{module}.__main__"), module
    if module == "fedlab" and rest:
        command = typer.main.get_command(app).commands[rest[0]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest[1:] if word.startswith("-")} <= options


def test_the_container_and_binder_have_the_python_and_the_torch_of_the_project() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    (version,) = re.findall(r"^python:([\d.]+)-", container()["image"])
    assert f"python{version}" in text("Makefile")
    assert SpecifierSet(project["requires-python"]).contains(version)
    (torch,) = [name for name in project["dependencies"] if name.startswith("torch")]
    asked = yaml.safe_load(text("binder/environment.yml"))
    assert asked == {
        "channels": ["conda-forge"],
        "dependencies": [f"python={version}", "pip", f"py{torch.replace('torch', 'torch-cpu')}"],
    }


def test_the_container_is_set_up_by_make_and_has_what_ci_installs() -> None:
    facts = container()
    (packages,) = re.findall(r"apt-get install ([^&\n]*)", text(".ci/run"))
    assert facts["onCreateCommand"].endswith(f"apt-get install {packages}")
    command, target = shlex.split(facts["postCreateCommand"])
    assert (command, target) == ("make", ".venv/.ready")
    asked = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True)
    assert asked.returncode == 0


def test_the_container_forwards_jupyterlabs_port_and_no_other() -> None:
    from jupyter_server.serverapp import DEFAULT_JUPYTER_SERVER_PORT

    facts = container()
    assert facts["forwardPorts"] == [DEFAULT_JUPYTER_SERVER_PORT]
    assert [*facts["portsAttributes"]] == [str(DEFAULT_JUPYTER_SERVER_PORT)]
    assert facts["otherPortsAttributes"] == {"onAutoForward": "ignore"}


def test_binder_installs_this_clone_as_constrained_and_fetches_the_data_while_it_builds() -> None:
    script = ROOT / "binder/postBuild"
    if bash := shutil.which("bash"):
        subprocess.run([bash, "-n", str(script)], check=True)
    first, *_, strict, but_torch, install, data = script.read_text("utf-8").splitlines()
    assert (first, strict) == ("#!/usr/bin/env bash", "set -euo pipefail")
    _, _, pattern, constraints, _, kept = shlex.split(but_torch)
    assert len(re.findall(pattern, text(constraints), re.MULTILINE)) == 1
    assert shlex.split(install)[3:] == ["install", "--editable", ".", "--constraint", kept]
    expect_command(shlex.split(data))
    if os.name != "nt":
        assert os.access(script, os.X_OK)


def test_no_version_of_a_package_is_written_a_second_time() -> None:
    for name in ("binder/environment.yml", "binder/postBuild", ".devcontainer/devcontainer.json"):
        assert not re.search(r"==\d", text(name))
    assert not re.search(r"==\d|-\d+\.\d+\.\d+-", PAGE)


def test_each_step_of_the_page_is_one_that_every_shell_takes() -> None:
    lines = blocks("")
    assert lines
    for line in lines:
        assert not set(line) & set("|&;<>$`'\"\\")
        expect_command(line.split())
    for command in re.findall(r"`(python -m [^`…]+)`", PAGE):
        expect_command(command.split())


def test_what_the_page_names_is_there() -> None:
    install = next(line for line in blocks("") if "pip install" in line).split()
    assert (ROOT / install[install.index("--constraint") + 1]).is_file()
    for name in re.findall(r"`(lessons/\S+|\.devcontainer|binder)`", PAGE):
        assert (ROOT / name).exists()


def test_the_colab_cell_installs_a_wheel_and_runs_commands_that_exist() -> None:
    install, *commands = blocks("python")
    assert install.startswith("%pip install ")
    for line in commands:
        assert line.startswith("!")
        expect_command(line[1:].split())


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """A folder as it may be called elsewhere."""
    folder = tmp_path / "Übung für Jürgen"
    folder.mkdir()
    return folder


def run(folder: Path, encoding: str, *arguments: str) -> str:
    """`python -m fedlab …` in a folder, its output in an encoding; it must end with status 0."""
    done = subprocess.run(
        [sys.executable, "-m", "fedlab", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONIOENCODING": encoding, "FEDLAB_PROGRESS": str(folder / "done")},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode(encoding)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help_as_a_module_in_windows_encoding(
    command: str, far: Path
) -> None:
    assert f"{command} [OPTIONS]" in run(far, "cp1252", command, "--help")


def test_commands_print_in_windows_encoding_in_a_folder_with_a_space_and_an_umlaut(
    far: Path,
) -> None:
    assert "14,067,712" in run(far, "cp1252", "estimate", "pythia-14m", "--codec", "topk:0.01|int8")
    assert "225,083,392" in run(far, "cp1252", "lab", "--figure", "für dich.png")
    assert (far / "für dich.png").stat().st_size
    assert "für Jürgen" in run(far, "cp1252", "progress")


def test_what_an_encoding_lacks_is_a_question_mark_and_no_error(far: Path) -> None:
    assert "?bung f?r J?rgen" in run(far, "ascii", "progress")


def test_a_program_of_the_keeper_may_say_anything_whatever_the_encoding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with Keeper() as keeper:
        keeper.start("say", [sys.executable, "-c", r"print('\u2192 \U0001f338')"])
        while keeper.statuses()["say"] is None:
            pass
        assert keeper.log("say").strip() == "→ 🌸"


def test_flowers_programs_are_found_where_pip_puts_them_though_not_on_the_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    assert Path(program("flwr")).stem == "flwr"


def test_windows_paths_reach_the_metered_app_unchanged(tmp_path: Path) -> None:
    book = str(PureWindowsPath("C:/new/Übung a/test.jsonl"))
    metered_copy(ROOT / "lessons/apps/pythia", tmp_path / "copy", book=book, nodes=2)
    tree = ast.parse((tmp_path / "copy/fedlab_metered.py").read_text("utf-8"))
    (given,) = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    (settings,) = [word.value for word in given.keywords if word.arg is None]
    assert ast.literal_eval(settings)["book"] == book


def test_where_ray_has_no_build_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_ray.importlib.util, "find_spec", lambda _: None)
    for platform, version, words in (
        ("win32", (3, 13), "on Windows it is for Python 3.12 and older"),
        ("win32", (3, 12), "pip install"),
        ("linux", (3, 13), "pip install"),
    ):
        here = SimpleNamespace(platform=platform, version_info=version)
        monkeypatch.setattr(under_ray, "sys", here)
        with pytest.raises(ValueError, match=words):
            under_ray.run_under_ray(None, None, nodes=2)


def test_every_file_can_be_checked_out_on_windows_and_where_case_is_ignored() -> None:
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT).decode()
    names = listed.strip("\0").split("\0")
    assert len({name.casefold() for name in names}) == len(names)
    assert max(map(len, names)) < 120  # of the 260 that Windows takes, with the clone's own folder
    for name in names:
        assert not set(name) & set('<>:"|?*\\')
        assert not any(part.endswith((" ", ".")) for part in name.split("/"))
        assert not PureWindowsPath(name).is_reserved()


def test_fedlab_opens_no_text_without_naming_its_encoding() -> None:
    """Linux's own files in the meters aside, which are ASCII."""
    rule = ["check", "--isolated", "--preview", "--select", "PLW1514", "--output-format", "concise"]
    command = [sys.executable, "-m", "ruff", *rule, "fedlab"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    found = {line.partition(":")[0] for line in said.splitlines() if "PLW1514" in line}
    assert {Path(name).as_posix() for name in found} <= {
        "fedlab/meters/child.py",
        "fedlab/meters/growth.py",
    }
