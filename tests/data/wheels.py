"""A wheel of our own, with one file of data in it."""

import hashlib
import zipfile
from pathlib import Path

from fedlab import Bytes
from fedlab.data.registry import File

CONTENT = b"a data set\nof two lines\n"
INFO = "fedlab_sample-1.0.dist-info"


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
