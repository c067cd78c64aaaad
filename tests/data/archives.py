"""A wheel and a source distribution of our own, with files of data in them."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

from fedlab import Bytes
from fedlab.data.registry import File

CONTENT = b"a data set\nof two lines\n"
INFO = "fedlab_sample-1.0.dist-info"
PAIR = {"texts/a.txt": b"first\n", "texts/deep/b.txt": b"second\n"}
# pip asks a source distribution's own code for its name and version; this one tells that it ran.
BACKEND = b"""
import os, pathlib
def prepare_metadata_for_build_wheel(folder, settings=None):
    pathlib.Path(os.environ["FEDLAB_SAMPLE_RAN"]).touch()
    info = pathlib.Path(folder, "fedlab_pair-1.0.dist-info")
    info.mkdir()
    about = "Metadata-Version: 2.1\\nName: fedlab-pair\\nVersion: 1.0\\n"
    info.joinpath("METADATA").write_text(about)
    return info.name
def build_wheel(*_): raise AssertionError("built")
"""
PROJECT = b"[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"


def file(name: str, content: bytes) -> File:
    return File(name, Bytes(len(content)), hashlib.sha256(content).hexdigest())


def write_wheel(folder: Path, content: bytes) -> Path:
    """A wheel that pip accepts, with one file of data in it."""
    folder.mkdir(exist_ok=True)
    path = folder / "fedlab_sample-1.0-py3-none-any.whl"
    members = {
        "fedlab_sample/data.txt": content,
        f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: fedlab-sample\nVersion: 1.0\n",
        f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{INFO}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in members.items():
            wheel.writestr(zipfile.ZipInfo(name), data)
    return path


def write_sdist(folder: Path, files: dict[str, bytes]) -> Path:
    """A source distribution that pip accepts without a network, with these files in it."""
    folder.mkdir(exist_ok=True)
    path = folder / "fedlab_pair-1.0.tar.gz"
    parts = {"pyproject.toml": PROJECT, "backend.py": BACKEND, "PKG-INFO": b"", **files}
    with tarfile.open(path, "w:gz") as sdist:
        for name, data in parts.items():
            about = tarfile.TarInfo(f"fedlab_pair-1.0/{name}")
            about.size = len(data)
            sdist.addfile(about, io.BytesIO(data))
    return path
