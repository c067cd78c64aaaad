"""`python -m fedlab.data`, and `python data/fetch.py` in a clone, which is the same."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fedlab.data import __main__ as command
from fedlab.data import cached, registry

ROOT = Path(__file__).parents[2]


@pytest.fixture
def alone(sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other data set than the sample."""
    monkeypatch.setattr(command, "SOURCES", {"sample": sample})


def said(*arguments: str) -> str:
    result = CliRunner().invoke(command.app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_a_list_fetches_nothing(alone, cache) -> None:
    assert said("--list") == "sample: two lines; 24 B; not fetched yet; CC0\n"
    assert not cache.exists()


def test_all_are_fetched_and_named_with_size_place_and_licence(alone, cache) -> None:
    assert said() == f"sample: two lines; 24 B; {cache / 'data.txt'}; CC0\n"
    assert cached("sample") == cache / "data.txt"


def test_json_is_json_and_nothing_else(sample, cache) -> None:
    (facts,) = json.loads(said("sample", "--json"))
    assert facts == {
        "name": "sample",
        "what": "two lines",
        "bytes": 24,
        "path": str(cache / "data.txt"),
        "sha256": {"data.txt": sample.members[0].sha256},
        "package": "fedlab-sample==1.0",
        "licence": "CC0",
        "citation": "ours",
    }


def test_a_data_set_of_several_files_is_one_folder_with_a_checksum_each(pair, cache) -> None:
    (facts,) = json.loads(said("pair", "--json"))
    assert (facts["bytes"], facts["path"]) == (13, str(cache / "pair"))
    assert facts["sha256"] == {
        name: pair.members[i].sha256 for i, name in enumerate(["a.txt", "b.txt"])
    }


def test_the_list_names_every_data_set(cache) -> None:
    assert [fact["name"] for fact in json.loads(said("--list", "--json"))] == list(registry.SOURCES)


def test_help_has_examples() -> None:
    assert "python -m fedlab.data mnist --json" in said("--help")


@pytest.mark.parametrize("names", [["sample"], ["sample", "minst"]])
def test_what_cannot_be_had_is_one_sentence_and_exit_status_1(
    sample, links, monkeypatch, capsys, names
) -> None:
    shutil.rmtree(links)
    monkeypatch.setattr(sys, "argv", ["fedlab.data", *names])
    with pytest.raises(SystemExit) as ended:
        command.main()
    out, problems = capsys.readouterr()
    assert (ended.value.code, out) == (1, "")
    assert problems.startswith(("fedlab: the data set 'sample'", "fedlab: there is no data set"))
    assert problems.count("\n") == 1


@pytest.mark.parametrize("how", [["-m", "fedlab.data"], [str(ROOT / "data" / "fetch.py")]])
def test_it_runs_from_anywhere(how, cache, tmp_path) -> None:
    line = [sys.executable, *how, "--list", "mnist"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mnist: 5,000 handwritten digits")
    assert "1.11 MB; not fetched yet; CC BY-SA 3.0" in done.stdout
    assert done.stderr == ""
