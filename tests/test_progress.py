"""A bar for what takes long: not before, not afterwards, and not where it is switched off."""

import time

import pytest
import tqdm
import tqdm.notebook

from fedlab.progress import progress_bar


@pytest.fixture(autouse=True)
def _no_wish(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)


def steps(**options):
    """Three steps that take long enough to be drawn: tqdm draws ten times a second."""
    with progress_bar(3, unit="step", **options) as bar:
        for _ in range(3):
            time.sleep(0.11)
            bar.update()
    return bar


def test_what_is_done_soon_shows_nothing(capfd):
    steps()
    assert capfd.readouterr() == ("", "")


def test_what_takes_long_shows_a_bar_that_is_wiped_at_the_end(capfd, monkeypatch):
    monkeypatch.setattr("fedlab.progress._QUIET_SECONDS", 0.05)
    steps()
    shown = capfd.readouterr().err
    assert "/3" in shown
    assert shown.endswith(" \r")


@pytest.mark.parametrize("kind", [tqdm.tqdm, tqdm.notebook.tqdm], ids=["terminal", "notebook"])
def test_a_bar_can_be_switched_off_in_a_terminal_and_in_a_notebook(capfd, monkeypatch, kind):
    monkeypatch.setattr("fedlab.progress.tqdm", kind)
    monkeypatch.setattr("fedlab.progress._QUIET_SECONDS", 0.05)
    assert steps(shown=False).disable
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert steps().disable
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wish", ["", "0"])
def test_no_wish_to_switch_it_off_is_none(monkeypatch, wish):
    monkeypatch.setenv("TQDM_DISABLE", wish)
    assert not progress_bar(3, unit="step").disable
