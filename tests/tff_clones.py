"""Clones with and without TensorFlow Federated's environment, made of stand-ins."""

import json
import os
import sys
from pathlib import Path

import pytest

from fedlab import tff_environment as tff

PINS = {"a": "1.0", "b-c": "2.0"}
RUNS = '[ "$2" = -c ] && echo 3 11\n'


def script(path: Path, body: str) -> Path:
    """A program that stands for a Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}", "utf-8")
    path.chmod(0o755)
    return path


def install(folder: Path, name: str, version: str) -> None:
    """A package as pip leaves it: a file, its compiled form, and the list of both."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    for path in (folder / f"{name}.py", folder / "__pycache__" / f"{name}.pyc"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    listed = [f"{name}.py,sha256=x,0", f"__pycache__/{name}.pyc,,", f"{about.name}/RECORD,,"]
    (about / "RECORD").write_text("\n".join(listed) + "\n", "utf-8")


def kernel() -> Path:
    return Path(sys.prefix) / "share/jupyter/kernels/fedlab-tff/kernel.json"


def register(**given: str) -> None:
    kernel().parent.mkdir(parents=True, exist_ok=True)
    spec = {"argv": [str(tff.python()), "-m", "ipykernel"], "env": tff.variables() | given}
    kernel().write_text(json.dumps(spec), "utf-8")


def bare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in which nothing is set up, on a machine where it can be."""
    if os.name == "nt":
        pytest.skip("a shell script stands for a Python; Windows runs none")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for name, path in {"ROOT": "", "VENV": ".venv-tff", "PINS": "environments/tff.txt"}.items():
        monkeypatch.setattr(tff, name, folder / "clone" / path)
    monkeypatch.setattr(sys, "prefix", str(folder / "main"))
    tff.PINS.parent.mkdir(parents=True)
    lines = [f"{name}=={version}" for name, version in PINS.items()]
    tff.PINS.write_text("\n".join(["# a comment", *lines]) + "\n", "utf-8")
    return tff.ROOT


def whole(clone: Path) -> Path:
    """Make its environment whole; the site-packages of that."""
    script(tff.python(), RUNS)
    site = clone / ".venv-tff/lib/python3.11/site-packages"
    for name, version in PINS.items():
        install(site, name, version)
    (site / "fedlab.pth").write_text(f"{clone}\n", "utf-8")
    register()
    (clone / ".venv-tff/.trained").touch()
    assert tff.fault() is None
    return site
