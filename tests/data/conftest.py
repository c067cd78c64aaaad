"""Data sets in packages of our own, which pip finds in a folder: no network."""

import os
from pathlib import Path

import pytest
from archives import CONTENT, PAIR, file, write_sdist, write_wheel

from fedlab.data import registry
from fedlab.data.registry import File, Source


@pytest.fixture
def links(tmp_path: Path) -> Path:
    """The folder in which pip finds the packages."""
    return tmp_path / "links"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of its own."""
    monkeypatch.setenv("FEDLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def sample(links: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A data set of one file in a wheel, registered, and a pip that looks only into `links`."""
    wheel = write_wheel(links, CONTENT)
    source = published("sample", "two lines", wheel, file("fedlab_sample/data.txt", CONTENT))
    return registered(source, links, monkeypatch)


@pytest.fixture
def pair(links: Path, cache: Path, ran: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A data set of two files in a source distribution, registered, and the same pip."""
    sdist = write_sdist(links, PAIR)
    members = [file(f"fedlab_pair-1.0/{name}", data) for name, data in PAIR.items()]
    return registered(published("pair", "two files", sdist, *members), links, monkeypatch)


def published(name: str, what: str, archive: Path, *members: File) -> Source:
    """A data set in an archive of the package fedlab-NAME."""
    return Source(
        name=name,
        what=what,
        package=f"fedlab-{name}",
        version="1.0",
        archive=file(archive.name, archive.read_bytes()),
        members=members,
        licence="CC0",
        citation="ours",
    )


def registered(source: Source, links: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The data set in the registry, and a pip that looks only into `links`."""
    use_only(links, monkeypatch)
    monkeypatch.setitem(registry.SOURCES, source.name, source)
    return source


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there once code of the source distribution ran."""
    monkeypatch.setenv("FEDLAB_SAMPLE_RAN", str(tmp_path / "ran"))
    return tmp_path / "ran"


def use_only(links: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point pip to this folder, whatever the user's own settings are."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
