"""Can this machine run the course? Each check says what it found and the command that mends it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from fedlab import tff_environment
from fedlab.paths import in_clone, shipped
from fedlab.units import Bytes

Status = Literal["ok", "warning", "missing"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Check:
    """One finding. `missing` fails the doctor; a `warning` takes something away from the course.

    name: what was looked at. found: what is there. mend: the command or the words that mend it.
    """

    name: str
    status: Status
    found: str
    mend: str = ""


def examine() -> list[Check]:
    """All checks, the needed ones first."""
    return [
        _python(),
        _packages(),
        _kernel(),
        _cores(),
        _memory(),
        _disk(),
        _data(),
        _browser(),
        _tensorflow_federated(),
    ]


def _python() -> Check:
    """An older Python than pyproject.toml asks for could not have installed this."""
    return Check("Python", "ok", platform.python_version())


def _packages() -> Check:
    """The distribution's own requirements, against the versions the course was checked with."""
    absent, other = [], []
    tested = dict(_pins())
    for name in _required():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            absent.append(name)
            continue
        pinned = tested.get(name.lower())
        if pinned and version.partition("+")[0] != pinned:
            other.append(f"{name} {version} (checked with {pinned})")
    mend = f"pip install {'-e .' if in_clone() else 'fedlab-course'} -c {_constraints()}"
    if absent:
        return Check("packages", "missing", f"not installed: {', '.join(absent)}", mend)
    if other:
        return Check("packages", "warning", f"other versions: {', '.join(other)}", mend)
    return Check("packages", "ok", "all as in constraints.txt")


def _constraints() -> str:
    return "constraints.txt" if in_clone() else str(shipped("constraints.txt"))


def _pins() -> Iterator[tuple[str, str]]:
    for line in shipped("constraints.txt").read_text("utf-8").splitlines():
        name, found, version = line.partition("==")
        if found:
            yield name.strip().lower(), version.strip()


def _required() -> list[str]:
    from packaging.requirements import Requirement

    requirements = map(Requirement, metadata.requires("fedlab-course") or [])
    return [r.name for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]


def _kernels() -> Collection[str]:
    from jupyter_client.kernelspec import KernelSpecManager

    return KernelSpecManager().find_kernel_specs().keys()


def _kernel() -> Check:
    if "python3" in _kernels():
        return Check("notebook kernel", "ok", "python3")
    mend = "python -m ipykernel install --sys-prefix"
    return Check("notebook kernel", "missing", "no kernel called python3", mend)


def _cores() -> Check:
    cores = os.cpu_count() or 1
    if cores >= 2:
        return Check("cores", "ok", f"{cores}")
    return Check("cores", "warning", f"{cores}; lessons take longer than they say")


def _memory() -> Check:
    import psutil

    free = Bytes(psutil.virtual_memory().available)
    if free >= 2 * 10**9:
        return Check("free memory", "ok", str(free))
    mend = "close other programs: a lesson needs up to 2 GB"
    return Check("free memory", "warning", str(free), mend)


def _disk() -> Check:
    free = Bytes(shutil.disk_usage(Path.cwd()).free)
    if free >= 10**9:
        return Check("free disk", "ok", str(free))
    return Check("free disk", "warning", str(free), "free 1 GB: data sets and caches go here")


def _data() -> Check:
    """Lessons fetch what is missing when they need it; without a network they cannot."""
    from fedlab.data import cached
    from fedlab.data.registry import SOURCES

    missing = [name for name in SOURCES if cached(name) is None]
    if not missing:
        return Check("data sets", "ok", ", ".join(SOURCES))
    mend = "python -m fedlab.data (needs a network, once)"
    return Check("data sets", "warning", f"not fetched: {', '.join(missing)}", mend)


def _browser() -> Check:
    """Only the browser tests need one; any browser shows the lessons."""
    found = next((name for name in BROWSERS if shutil.which(name)), None)
    if found:
        return Check("browser for tests", "ok", found)
    mend = "install Chromium (Debian: apt-get install chromium); only developers need it"
    return Check("browser for tests", "warning", "no Chromium", mend)


def _tensorflow_federated() -> Check:
    """Lesson 11 has an environment of its own, with its own kernel; only that lesson needs it."""
    name = "TensorFlow Federated"
    if obstacle := tff_environment.obstacle():
        return Check(name, "warning", obstacle)
    if fault := tff_environment.fault():
        return Check(name, "warning", f"{fault}; only lesson 11 needs it", "make tff")
    return Check(name, "ok", f".venv-tff, kernel {tff_environment.KERNEL}")
