"""TensorFlow Federated's own environment: whether it can be here, whether it is whole, making it.

TensorFlow Federated cannot share an environment with Flower and torch. It has `.venv-tff`, with the
packages of environments/tff.txt, and a notebook kernel that Jupyter finds in the main environment.
This file is for the main environment, and imports nothing of the other: `make tff` runs it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from fedlab.paths import in_clone, shipped

KERNEL = "fedlab-tff"
ROOT = shipped(".").resolve()  # of the clone
VENV = ROOT / ".venv-tff"
PINS = ROOT / "environments" / "tff.txt"
QUIET = {  # what keeps TensorFlow and gRPC from talking, read when they are loaded
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # oneDNN sums in another order on another processor, and says so
    "CUDA_VISIBLE_DEVICES": "-1",
    "GRPC_VERBOSITY": "ERROR",
}
_PYTHON = ["3", "11"]  # the newest that TensorFlow Federated's wheels are for


class TffEnvironmentError(RuntimeError):
    """The environment cannot be made."""


def python() -> Path:
    """The Python of TensorFlow Federated's environment, be it there or not."""
    return VENV / "bin" / "python"


def variables() -> dict[str, str]:
    """What its processes are given: quiet libraries, and FEDLAB_PYTHON, the main environment's.

    >>> variables()["CUDA_VISIBLE_DEVICES"]
    '-1'
    """
    # One environment's Python has several names, and commands differ in which they start. None is
    # resolved: the link is what makes it the Python of that environment.
    usual = Path(sys.prefix) / "bin" / "python"
    return QUIET | {"FEDLAB_PYTHON": str(usual) if usual.exists() else sys.executable}


def obstacle() -> str | None:
    """One sentence why the environment cannot be on this machine; None where it can."""
    left_out = "TensorFlow Federated is left out, and lesson 11 with it: "
    if not in_clone():
        return left_out + "it is set up by `make tff` in a clone of the repository"
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        return left_out + f"its wheels are for Linux on x86_64, and this is {system} on {machine}"
    if not _runs(python()) and _base() is None:
        return left_out + "its wheels are for Python 3.11; install one that `python3.11` starts"
    return None


def fault() -> str | None:
    """The first thing that is wrong with the environment, in a few words; None when it is whole."""
    return next(filter(None, (part.fault() for part in _PARTS)), None)


def make(tell: Callable[[str], None] = print) -> None:
    """Make the environment, or what of it is missing or wrong; say so when nothing is.

    tell: is given a line for each step.
    Raises TffEnvironmentError when it cannot be here, or when a step fails; what pip or TensorFlow
    said of it is on the screen by then. After an interrupt the next call makes it whole.
    """
    if blocked := obstacle():
        raise TffEnvironmentError(blocked)
    for part in _PARTS:
        if found := part.fault():
            tell(f"{found}: {part.mending}")
            try:
                part.mend()
            except subprocess.CalledProcessError:
                found = "it failed, as said above"
            except OSError as error:
                found = str(error)
            else:
                found = part.fault()
            if found:
                raise TffEnvironmentError(
                    f"{part.mending}: {found}; see that there is {part.needs}, then run "
                    "`make tff` again, which goes on from here"
                )
    tell(f"TensorFlow Federated is ready: {VENV.name}, with the notebook kernel {KERNEL}")


@dataclass(frozen=True)
class _Part:
    """A part of the environment: how what is wrong with it is found, and how it is mended."""

    fault: Callable[[], str | None]
    mend: Callable[[], None]
    mending: str
    needs: str


def _runs(candidate: Path) -> bool:
    """Whether it is a Python 3.11 that starts; a version manager may leave a name that does not."""
    says = "import sys, venv; print(*sys.version_info[:2])"
    command = [str(candidate), "-I", "-c", says]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0 and ran.stdout.split() == _PYTHON


def _base() -> Path | None:
    """A Python to make the environment with: this one, or the first on the PATH that runs."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    named = (Path(folder) / "python3.11" for folder in folders)
    return next(filter(_runs, (Path(sys.executable), *named)), None)


def _run(*command: str | Path, **given: str) -> None:
    """Run to the end, with its output on the screen; raise CalledProcessError when it fails.

    given: variables of its environment, beside those that every process there gets.
    """
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | variables() | given)


def _few(names: Iterable[str]) -> str:
    """
    >>> _few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    first, rest = (names := sorted(names))[:3], len(names) - 3
    return ", ".join(first) + (f" and {rest} more" if rest > 0 else "")


def _site_packages() -> Path:
    return VENV / "lib" / "python3.11" / "site-packages"


def _installed() -> dict[str, Path]:
    """Where each package describes itself, by its normal name."""
    found = _site_packages().glob("*.dist-info")
    return {canonicalize_name(folder.stem.partition("-")[0]): folder for folder in found}


def _is_torn(folder: Path) -> bool:
    """Whether files are missing that a package lists as its own; compiled ones come and go."""
    try:
        with (folder / "RECORD").open(encoding="utf-8", newline="") as lines:
            files = [row[0] for row in csv.reader(lines)]
    except (OSError, IndexError):
        return True
    return not all((folder.parent / f).exists() for f in files if "__pycache__" not in f)


def _venv_fault() -> str | None:
    if not VENV.exists():
        return f"no {VENV.name}"
    if not _runs(python()):
        return f"the Python of {VENV.name} does not start, or is not 3.11"
    torn = [name for name, folder in _installed().items() if _is_torn(folder)]
    return f"half-installed in {VENV.name}: {_few(torn)}" if torn else None


def _make_venv() -> None:
    base = _base()
    if base is None:
        raise FileNotFoundError("no `python3.11` that starts is found")
    # Without a pip: the main environment's serves both, and Debian packs a venv's pip apart.
    _run(base, "-m", "venv", "--clear", "--without-pip", VENV)


def _packages_fault() -> str | None:
    lines = PINS.read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    found = {name: folder.stem.partition("-")[2] for name, folder in _installed().items()}
    if absent := pins.keys() - found.keys():
        return f"not installed in {VENV.name}: {_few(absent)}"
    if other := [
        f"{name} {found[name]} (expected {version})"
        for name, version in pins.items()
        if found[name] != version
    ]:
        return f"other versions in {VENV.name}: {_few(other)}"
    link = _site_packages() / "fedlab.pth"
    if not link.is_file() or link.read_text("utf-8") != f"{ROOT}\n":
        return f"fedlab is not installed in {VENV.name}"
    return None


def _install() -> None:
    _trained().unlink(missing_ok=True)
    pip = (sys.executable, "-m", "pip", "--python", python(), "--disable-pip-version-check")
    how = ("--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=on")
    _run(*pip, "install", *how, "-r", PINS)
    # An editable install comes to this line too; but pip would fetch and run a builder for it, and
    # note requirements that cannot be met here.
    (_site_packages() / "fedlab.pth").write_text(f"{ROOT}\n", "utf-8")


def _kernel_fault() -> str | None:
    path = Path(sys.prefix) / "share" / "jupyter" / "kernels" / KERNEL / "kernel.json"
    try:
        spec = json.loads(path.read_text("utf-8"))
        started, given = Path(spec["argv"][0]), dict(spec["env"])
    except (OSError, ValueError, LookupError, TypeError):
        return f"no notebook kernel {KERNEL}, or a damaged one"
    if started != python():
        return f"the notebook kernel {KERNEL} starts another Python"
    if wrong := [name for name, value in variables().items() if given.get(name) != value]:
        return f"the notebook kernel {KERNEL} does not set {_few(wrong)}"
    return None


def _register() -> None:
    named = ("--name", KERNEL, "--display-name", "TensorFlow Federated (fedlab)")
    given = [word for item in variables().items() for word in ("--env", *item)]
    # Its own Jupyter would warn that it cannot find what is meant for the main environment's.
    seen = str(Path(sys.prefix) / "share" / "jupyter")
    install = ("-m", "ipykernel", "install", "--prefix", sys.prefix)
    _run(python(), *install, *named, *given, JUPYTER_PATH=seen)


def _trained() -> Path:
    return VENV / ".trained"


def _training_fault() -> str | None:
    return None if _trained().is_file() else "not seen to train since it was installed"


def _train() -> None:
    _run(python(), "-m", "fedlab.tff")
    _trained().touch()


_PARTS = (
    _Part(_venv_fault, _make_venv, "making the environment", "2 GB of disk"),
    _Part(_packages_fault, _install, "installing (a minute or two)", "a network and 2 GB of disk"),
    _Part(_kernel_fault, _register, "registering the kernel", "a folder to write in"),
    _Part(_training_fault, _train, "training a round", "2 GB of memory"),
)


def set_up() -> int:
    """Do `make`, with one sentence for what goes wrong; return the exit status."""
    try:
        make(lambda line: print(line, flush=True))  # before what the steps themselves print
    except TffEnvironmentError as error:
        print(f"fedlab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def main() -> None:
    """The command `python -m fedlab.tff_environment`, with help."""
    argparse.ArgumentParser(
        description="Set up TensorFlow Federated's own environment and its notebook kernel, "
        "or mend what is missing of it.",
        epilog="Example: python -m fedlab.tff_environment",
    ).parse_args()
    sys.exit(set_up())


if __name__ == "__main__":
    main()
