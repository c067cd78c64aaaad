import nbformat
import pytest
from sample import execute, sample


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    """The small notebook, executed."""
    path = tmp_path_factory.mktemp("good") / "good.ipynb"
    nbformat.write(sample(), path)
    done = execute(path)
    assert done.returncode == 0, done.stdout + done.stderr
    return path
