"""A data set of two lines in a wheel of our own, which pip finds in a folder: no network."""

import os
from pathlib import Path

import pytest
from wheels import CONTENT, file, write_wheel

from fedlab.data import registry
from fedlab.data.registry import Source


@pytest.fixture
def links(tmp_path: Path) -> Path:
    """The folder in which pip finds the wheel."""
    return tmp_path / "links"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of its own."""
    monkeypatch.setenv("FEDLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def sample(links: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The data set, registered, and a pip that looks nowhere but in `links`."""
    wheel = write_wheel(links, CONTENT)
    source = Source(
        name="sample",
        what="two lines",
        package="fedlab-sample",
        version="1.0",
        archive=file(wheel.name, wheel.read_bytes()),
        member=file("fedlab_sample/data.txt", CONTENT),
        licence="CC0",
        citation="ours",
    )
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setitem(registry.SOURCES, source.name, source)
    return source
