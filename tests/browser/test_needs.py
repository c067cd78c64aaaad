"""What the browser tests do where something is missing: one sentence, and in CI a failure."""

import socket
from pathlib import Path

import lab_server
import nbformat
import needs
import pytest
from lab_server import running_lab

from fedlab import tff_environment

INSTALLED = {"python3": {}}
skipped, failed = pytest.skip.Exception, pytest.fail.Exception


@pytest.fixture(params=[("", skipped), ("1", failed)], ids=["at a desk", "in CI"])
def ends(request, monkeypatch):
    """How a test ends that misses something."""
    value, how = request.param
    monkeypatch.setenv("CI", value)
    return how


@pytest.fixture
def environment(monkeypatch):
    """Say what is found of TensorFlow Federated's environment."""

    def found(*, obstacle=None, fault=None):
        monkeypatch.setattr(tff_environment, "obstacle", lambda: obstacle)
        monkeypatch.setattr(tff_environment, "fault", lambda: fault)

    return found


def test_a_missing_browser_is_said_with_its_remedy(ends, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ends) as said:
        needs.chromium()
    names = "chromium, chromium-browser, google-chrome"
    assert said.value.msg == f"none of {names} on the PATH: apt install chromium"


def test_a_missing_playwright_is_said_with_its_remedy(ends, monkeypatch):
    monkeypatch.setattr(needs, "which", lambda name: name)
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    with pytest.raises(ends) as said:
        needs.chromium()
    assert said.value.msg == "no Playwright: pip install 'fedlab-course[dev]'"


def test_a_kernel_that_is_not_installed_fails_and_names_those_that_are():
    needs.kernel("python3", INSTALLED)
    with pytest.raises(failed) as said:
        needs.kernel("nosuch", INSTALLED)
    assert said.value.msg == (
        "expected one of the kernels python3, got 'nosuch': `fedlab doctor` says how to set it up"
    )


def test_tensorflow_federateds_kernel_is_skipped_only_where_it_cannot_be(environment, monkeypatch):
    monkeypatch.setenv("CI", "1")
    environment(obstacle="its wheels are for Linux")
    with pytest.raises(skipped, match="its wheels are for Linux"):
        needs.kernel(tff_environment.KERNEL, INSTALLED)
    environment(fault="no .venv-tff")
    with pytest.raises(failed, match=r"no \.venv-tff: `make tff` mends it"):
        needs.kernel(tff_environment.KERNEL, INSTALLED)
    environment()
    with pytest.raises(failed, match="got 'fedlab-tff'"):
        needs.kernel(tff_environment.KERNEL, INSTALLED)


def test_a_port_in_use_ends_the_tests_server_in_one_sentence(monkeypatch, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(lab_server, "free_port", lambda: port)
        with pytest.raises(failed) as said, running_lab(tmp_path):
            raise AssertionError("it started")
    assert said.value.msg.startswith(f"JupyterLab did not answer at http://127.0.0.1:{port};")
    assert "is not available" in said.value.msg
    assert "run the test again" in said.value.msg
    assert "\n" not in said.value.msg


@pytest.mark.browser
def test_a_notebook_of_an_unknown_kernel_is_not_waited_for(open_notebook, tmp_path: Path):
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "nosuch", "display_name": "none"}
    (tmp_path / "one").mkdir()
    nbformat.write(notebook, tmp_path / "one" / "cells.ipynb")
    with pytest.raises(failed, match="got 'nosuch'"):
        open_notebook(tmp_path / "one" / "cells.ipynb")
