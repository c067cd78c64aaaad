"""What is wrong with TensorFlow Federated's environment is named, and that alone is mended."""

import shutil
from pathlib import Path

import pytest
from tff_clones import PINS, RUNS, bare, install, kernel, register, script, whole

from fedlab import tff_environment as tff


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return whole(bare(tmp_path, monkeypatch))


def without_venv(site: Path) -> None:
    shutil.rmtree(tff.VENV)


def a_python_that_does_not_start(site: Path) -> None:
    script(tff.python(), "exit 1")


def another_python(site: Path) -> None:
    script(tff.python(), "echo 3 12")


def a_file_missing(site: Path) -> None:
    (site / "a.py").unlink()


def a_list_of_files_missing(site: Path) -> None:
    (site / "b_c-2.0.dist-info" / "RECORD").unlink()


def a_package_missing(site: Path) -> None:
    shutil.rmtree(site / "b_c-2.0.dist-info")


def another_version(site: Path) -> None:
    shutil.rmtree(site / "a-1.0.dist-info")
    install(site, "a", "1.1")


def without_fedlab(site: Path) -> None:
    (site / "fedlab.pth").unlink()


def the_fedlab_of_another_clone(site: Path) -> None:
    (site / "fedlab.pth").write_text("another\n", "utf-8")


def without_kernel(site: Path) -> None:
    kernel().unlink()


def a_torn_kernel(site: Path) -> None:
    kernel().write_text("{", "utf-8")


def the_kernel_of_another_python(site: Path) -> None:
    kernel().write_text(kernel().read_text("utf-8").replace(".venv-tff", ".venv"), "utf-8")


def a_loud_kernel(site: Path) -> None:
    register(TF_CPP_MIN_LOG_LEVEL="0")


def the_kernel_of_another_main_environment(site: Path) -> None:
    register(FEDLAB_PYTHON="another")


def untrained(site: Path) -> None:
    (tff.VENV / ".trained").unlink()


FAULTS = {
    without_venv: "no .venv-tff",
    a_python_that_does_not_start: "the Python of .venv-tff does not start, or is not 3.11",
    another_python: "the Python of .venv-tff does not start, or is not 3.11",
    a_file_missing: "half-installed in .venv-tff: a",
    a_list_of_files_missing: "half-installed in .venv-tff: b-c",
    a_package_missing: "not installed in .venv-tff: b-c",
    another_version: "other versions in .venv-tff: a 1.1 (expected 1.0)",
    without_fedlab: "fedlab is not installed in .venv-tff",
    the_fedlab_of_another_clone: "fedlab is not installed in .venv-tff",
    without_kernel: "no notebook kernel fedlab-tff, or a damaged one",
    a_torn_kernel: "no notebook kernel fedlab-tff, or a damaged one",
    the_kernel_of_another_python: "the notebook kernel fedlab-tff starts another Python",
    a_loud_kernel: "the notebook kernel fedlab-tff does not set TF_CPP_MIN_LOG_LEVEL",
    the_kernel_of_another_main_environment: "the notebook kernel fedlab-tff does not set "
    "FEDLAB_PYTHON",
    untrained: "not seen to train since it was installed",
}


class Steps:
    """Plays what the commands of `make` do, and keeps their names."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.done: list[str] = []

    def __call__(self, *command: object, **given: str) -> None:
        step = next(name for name in ("venv", "install", "fedlab.tff") if name in command)
        self.done.append("kernel" if "ipykernel" in command else step)
        getattr(self, self.done[-1].replace(".", "_"))()

    def venv(self) -> None:
        shutil.rmtree(tff.VENV, ignore_errors=True)
        script(tff.python(), RUNS)
        self.site.mkdir(parents=True)

    def install(self) -> None:
        for about in self.site.glob("*.dist-info"):
            shutil.rmtree(about)
        for name, version in PINS.items():
            install(self.site, name, version)

    def kernel(self) -> None:
        register()

    def fedlab_tff(self) -> None:
        pass


@pytest.fixture
def steps(site: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    steps = Steps(site)
    monkeypatch.setattr(tff, "_run", steps)
    return steps


def test_a_whole_environment_is_left_alone_in_one_line(
    steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tff.set_up() == 0
    assert steps.done == []
    said = "TensorFlow Federated is ready: .venv-tff, with the notebook kernel fedlab-tff\n"
    assert capsys.readouterr() == (said, "")


def test_compiled_files_may_go(site: Path) -> None:
    shutil.rmtree(site / "__pycache__")
    assert tff.fault() is None


@pytest.mark.parametrize("damage", FAULTS, ids=lambda damage: damage.__name__)
def test_damage_is_named_and_mended(damage, site: Path, steps: Steps) -> None:
    damage(site)
    assert tff.fault() == FAULTS[damage]
    tff.make()
    assert tff.fault() is None


def test_only_what_is_wrong_is_made_again(site: Path, steps: Steps) -> None:
    without_kernel(site)
    tff.make()
    assert steps.done == ["kernel"]
    another_version(site)
    tff.make()
    assert steps.done == ["kernel", "install", "fedlab.tff"]


@pytest.mark.parametrize("step", ["venv", "install", "fedlab_tff"])
def test_after_an_interrupt_the_next_run_makes_it_whole(
    step: str, site: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        getattr(Steps, step)(steps)
        if step == "install":
            a_file_missing(site)
        raise KeyboardInterrupt

    without_venv(site)
    with monkeypatch.context() as patched:
        patched.setattr(steps, step, interrupted)
        assert tff.set_up() == 130
    assert tff.fault() is not None
    assert tff.set_up() == 0
    assert tff.fault() is None


def test_a_step_that_changes_nothing_is_an_error_and_not_a_loop(
    site: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_kernel(site)
    monkeypatch.setattr(steps, "kernel", lambda: None)
    with pytest.raises(tff.TffEnvironmentError, match=r"no notebook kernel .* `make tff` again"):
        tff.make()
