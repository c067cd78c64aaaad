"""Flower's log as a lesson can store it, and the logger as it was afterwards."""

import logging

import pytest
from flwr.supercore import log
from hypothesis import given
from hypothesis import strategies as st

from fedlab.logs import clean, flower_log

LOGGER = logging.getLogger("flwr")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        ("\x1b[92mINFO\x1b[0m: done", "INFO: done"),
        ("\x1b[1;31;40mbold\x1b[K", "bold"),
        ("<Client at 0x7f3a2b1c>", "<Client at …>"),
        ("(pid=4711) hello", "hello"),
        ("(pid=4711): hello", "hello"),
        ("worker pid 4711 died", "worker died"),
        ("Strategy execution finished in 0.41s", "Strategy execution finished in … s"),
        ("rapid=5 and 0x12 stay", "rapid=5 and 0x12 stay"),
        ("in 3 rounds", "in 3 rounds"),
    ],
)
def test_clean_takes_out_what_differs_from_run_to_run(raw, text):
    assert clean(raw) == text


@given(text=st.text())
def test_cleaning_twice_is_cleaning_once_for_what_has_no_escapes(text):
    once = clean(text.replace("\x1b", ""))
    assert clean(once) == once or "pid" in text


def state():
    return (LOGGER.level, list(LOGGER.handlers), LOGGER.propagate, list(LOGGER.filters))


def test_the_log_is_printed_plainly_when_shown(capsys):
    with flower_log(show=True):
        log(logging.INFO, "\x1b[92mround %d\x1b[0m in 1.25s ", 3)
        log(logging.WARNING, "careful")
        log(logging.DEBUG, "not this")
    shown = capsys.readouterr()
    assert shown.out == "INFO    : round 3 in … s\nWARNING : careful\n"
    assert shown.err == ""


def test_the_log_is_silent_when_hidden(capfd):
    with flower_log(show=False):
        log(logging.ERROR, "nobody hears this")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("show", [True, False])
def test_the_logger_is_as_it_was_afterwards_whatever_happens(show):
    level = LOGGER.level
    LOGGER.setLevel(logging.ERROR)
    try:
        check_restored(show)
    finally:
        LOGGER.setLevel(level)


def check_restored(show):
    before = state()
    with pytest.raises(LookupError), flower_log(show=show, watch=lambda record: True):
        raise LookupError
    assert state() == before
    with flower_log(show=show), flower_log(show=not show):
        pass
    assert state() == before


def test_a_watcher_sees_every_record_also_hidden_ones_and_can_end_the_call():
    seen = []

    def watch(record):
        seen.append(record.getMessage())
        if record.levelno == logging.ERROR:
            raise RuntimeError("stop here")
        return True

    with flower_log(show=False, watch=watch):
        log(logging.INFO, "one %d", 1)
        with pytest.raises(RuntimeError, match="stop here"):
            log(logging.ERROR, "two")
    assert seen == ["one 1", "two"]
