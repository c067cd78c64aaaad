"""deploy where its own process is interrupted or killed in the middle of a run."""

import signal
import subprocess
import sys

import psutil
import pytest
from app_directories import SLEEPING, app_directory, assert_gone, kept_below, needs_posix

pytestmark = needs_posix

OWNER = """
import signal, sys
from functools import partial
from fedlab.engines import deploy

signal.signal(signal.SIGINT, signal.default_int_handler)  # also in a background, which ignores it
deploy(sys.argv[1], nodes=1, tell=partial(print, flush=True))
"""
ENDINGS = {signal.SIGINT: "KeyboardInterrupt\n", signal.SIGKILL: ""}  # of stderr


@pytest.fixture(scope="module")
def owners(tmp_path_factory):
    """Each in a run of its own, by the signal that it will get; side by side, to wait once."""
    app = app_directory(tmp_path_factory.mktemp("sleeping"), SLEEPING)
    started = {
        number: subprocess.Popen(
            [sys.executable, "-c", OWNER, str(app)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for number in ENDINGS
    }
    yield started
    for owner in started.values():
        owner.kill()
        owner.communicate()


@pytest.mark.parametrize("number", ENDINGS)
def test_nothing_is_left_when_the_owner_gets(number, owners):
    owner = owners[number]
    assert "sleeping\n" in owner.stdout, owner.stderr.read()
    (folder,) = kept_below(psutil.Process(owner.pid))
    owner.send_signal(number)
    _, errors = owner.communicate(timeout=120)
    assert owner.returncode == -number
    assert errors.endswith(ENDINGS[number])
    assert_gone(folder)
