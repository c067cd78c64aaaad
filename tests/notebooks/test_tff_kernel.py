"""A notebook of TensorFlow Federated's kernel, where that cannot be and where it is not whole."""

import io

import execute
import nbformat
import pytest
from rich.console import Console
from sample import ROOT, run, sample

from fedlab import tff_environment

OBSTACLE = "TensorFlow Federated is left out: no such machine"
FAULT = "no notebook kernel fedlab-tff"


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "lesson.ipynb"
    content = sample()
    content.metadata.kernelspec.name = "fedlab-tff"
    nbformat.write(content, path)
    return path


def checked(path, **said):
    """Run pytest over a notebook with `fedlab.tff_environment` saying what is given."""
    options = ["-c", ROOT / "pyproject.toml", "-p", "conftest", "-p", "no:cacheprovider", "-rs"]
    code = ["import sys, pytest", "from fedlab import tff_environment as tff"]
    code += [f"tff.{name} = lambda: {words!r}" for name, words in said.items()]
    code += ["sys.exit(pytest.main(sys.argv[1:]))"]
    return run("-c", "; ".join(code), *options, path)


def executed(path, monkeypatch, **said):
    for name, words in said.items():
        monkeypatch.setattr(tff_environment, name, lambda words=words: words)
    console = Console(file=io.StringIO(), soft_wrap=True)
    before = path.read_bytes()
    well = execute.report(path, check=False, console=console)
    assert path.read_bytes() == before
    return well, console.file.getvalue()


def test_where_it_cannot_be_the_check_skips_and_says_why(notebook):
    done = checked(notebook, obstacle=OBSTACLE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert OBSTACLE in done.stdout
    assert "5 skipped" in done.stdout


def test_where_it_is_not_whole_the_check_fails_and_names_the_remedy(notebook):
    done = checked(notebook, obstacle=None, fault=FAULT)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{FAULT}: `make tff` mends it" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_where_it_cannot_be_executing_goes_on_and_says_why(notebook, monkeypatch):
    well, said = executed(notebook, monkeypatch, obstacle=OBSTACLE)
    assert well
    assert said == f"{notebook}: {OBSTACLE}\n"


def test_where_it_is_not_whole_executing_fails_and_names_the_remedy(notebook, monkeypatch):
    well, said = executed(notebook, monkeypatch, obstacle=None, fault=FAULT)
    assert not well
    assert f"{notebook}: RuntimeError: {FAULT}: `make tff` mends it\n" in said
