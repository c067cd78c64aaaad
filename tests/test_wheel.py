"""A wheel built from the repository works outside it."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("fedlab_course-*.whl")
    return built


@pytest.fixture(scope="module")
def fedlab(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A fresh environment with the wheel; the packages it needs are lent by this one."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home / "venv", with_pip=False, symlinks=os.name != "nt")
    scripts = home / "venv" / ("Scripts" if os.name == "nt" else "bin")
    packages = next((home / "venv").rglob("site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    lent = sysconfig.get_path("purelib")  # its .pth files, and so the clone, stay out
    (packages / "lent.pth").write_text(lent, "utf-8")
    return scripts / ("python.exe" if os.name == "nt" else "python"), home


def run(fedlab: tuple[Path, Path], *arguments: str) -> str:
    python, home = fedlab
    code = "import sys, fedlab.cli as c; assert 'elsewhere' in c.__file__; c.main()"
    return subprocess.check_output([python, "-c", code, *arguments], text=True, cwd=home)


def test_the_wheel_ships_configurations_lessons_and_constraints(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "data/configs/pythia-14m.json",
        "lessons/00_check_your_setup.ipynb",
        "constraints.txt",
    ):
        assert f"fedlab/shipped/{name}" in names
    demos = {path.name for path in (ROOT / "fedlab/widgets").glob("*.js")}
    assert {f"fedlab/widgets/{name}" for name in demos} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]


def test_the_colab_cell_means_this_wheel(wheel: Path) -> None:
    page = (ROOT / "site/elsewhere.md").read_text("utf-8")
    (pattern,) = re.findall(r"^%pip install .*?(\S+\.whl)$", page, re.MULTILINE)
    assert [*wheel.parent.glob(pattern)] == [wheel]


def test_the_installed_wheel_copies_the_lessons_and_opens_nothing(
    fedlab: tuple[Path, Path],
) -> None:
    assert run(fedlab, "lessons", "mine", "--copy") == "lessons in mine\n"
    copied = {path.name for path in (fedlab[1] / "mine").iterdir()}
    assert {path.name for path in ROOT.glob("lessons/*.ipynb")} <= copied


def test_the_installed_wheel_estimates_a_bundled_model(fedlab: tuple[Path, Path]) -> None:
    facts = json.loads(run(fedlab, "estimate", "pythia-14m", "--json"))
    assert facts["traffic_bytes"] == 225_083_392


def test_the_installed_wheel_runs_the_lab(fedlab: tuple[Path, Path]) -> None:
    facts = json.loads(run(fedlab, "lab", "--json"))
    assert facts["levels"]["payload"] == {
        "predicted": 225_083_392,
        "measured": 225_083_392,
        "difference": 0,
    }
