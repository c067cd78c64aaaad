"""The keeper: what it starts ends with it, and it ends with its owner, however that ends."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from app_directories import assert_gone, soon

from fedlab.keeper import Keeper, KeeperError

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX are sent")

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
OWNER = f"""
import signal, time
from fedlab.keeper import Keeper

signal.signal(signal.SIGINT, signal.default_int_handler)  # also in a background, which ignores it
with Keeper() as keeper:
    print(keeper.start("sleep", {SLEEP!r}), keeper._process.pid, keeper.folder, flush=True)
    time.sleep(600)
"""
# Starts a grandchild and ends; the grandchild says its number.
FORK = f"""
import subprocess
print(subprocess.Popen({SLEEP!r}).pid, flush=True)
"""
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""
PARENT = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {STUBBORN!r}])
time.sleep(600)
"""


def runs(pid):
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def said(keeper, name):
    """The number that a program prints first."""
    assert soon(lambda: keeper.log(name).endswith("\n")), keeper.statuses()
    return int(keeper.log(name))


@pytest.fixture
def owner():
    """An owner in a process of its own; with it its program, its keeper and its folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    program, keeper, folder = process.stdout.readline().split()
    yield process, int(program), int(keeper), folder
    process.kill()
    process.communicate()
    assert_gone(folder)


# --- while the owner lives -----------------------------------------------------------------------


def test_what_runs_ends_with_the_block_and_its_folder_is_deleted():
    with Keeper() as keeper:
        pid = keeper.start("sleep", SLEEP)
        assert keeper.statuses() == {"sleep": None}
        assert runs(pid)
    assert not runs(pid)
    assert not keeper.folder.exists()


def test_it_ends_with_an_exception_too_which_comes_through():
    keeper = Keeper()

    def fails():
        with keeper:
            pids.append(keeper.start("sleep", SLEEP))
            raise ZeroDivisionError

    pids = []
    with pytest.raises(ZeroDivisionError):
        fails()
    assert not runs(*pids)
    assert not keeper.folder.exists()


def test_logs_hold_both_streams_as_they_come_and_statuses_say_how_each_ended():
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"
    with Keeper() as keeper:
        assert keeper.log("say") == ""
        keeper.start("say", [sys.executable, "-c", code])
        assert soon(lambda: keeper.statuses() == {"say": 3})
        assert keeper.log("say") == "out\nerr\n"


def test_a_program_gets_our_variables_and_its_own_on_top(monkeypatch):
    monkeypatch.setenv("FEDLAB_TEST_OURS", "1")
    code = "import os; print(os.environ['FEDLAB_TEST_OURS'], os.environ['ITS'], os.getcwd())"
    with Keeper() as keeper:
        keeper.start("say", [sys.executable, "-c", code], {"ITS": "2"})
        assert soon(lambda: keeper.statuses() == {"say": 0})
        assert keeper.log("say").split() == ["1", "2", str(keeper.folder.resolve())]


def test_a_command_that_does_not_exist_is_named_and_the_keeper_goes_on():
    with Keeper() as keeper:
        with pytest.raises(KeeperError, match="no-such-program"):
            keeper.start("none", ["no-such-program"])
        assert keeper.statuses() == {}
        assert runs(keeper.start("sleep", SLEEP))


def test_a_name_that_was_never_started_cannot_be_stopped():
    with Keeper() as keeper, pytest.raises(KeeperError, match="nobody"):
        keeper.stop("nobody")


@posix
@pytest.mark.parametrize(("kill", "status"), [(False, -signal.SIGTERM), (True, -signal.SIGKILL)])
def test_stop_ends_one_program_with_its_family_and_no_other(kill, status):
    with Keeper() as keeper:
        other = keeper.start("other", SLEEP)
        keeper.start("parent", [sys.executable, "-c", PARENT])
        child = said(keeper, "parent")  # it does not listen to SIGTERM
        keeper.stop("parent", kill=kill)
        assert not runs(child)
        assert keeper.statuses() == {"other": None, "parent": status}
        assert runs(other)
        keeper.stop("parent")  # once more is no error


def test_a_program_that_has_ended_can_be_started_again_under_its_name():
    with Keeper() as keeper:
        for number in range(2):
            keeper.start("say", [sys.executable, "-c", f"print({number})"])
            assert soon(lambda: keeper.statuses() == {"say": 0})
        assert keeper.log("say").split() == ["0", "1"]


def test_a_grandchild_whose_parent_has_ended_is_ended_too():
    with Keeper() as keeper:
        keeper.start("fork", [sys.executable, "-c", FORK])
        pid = said(keeper, "fork")
        assert soon(lambda: keeper.statuses() == {"fork": 0})
        assert runs(pid)
    assert not runs(pid)


def test_two_keepers_side_by_side_leave_each_others_programs_alone():
    with Keeper() as one:
        first = one.start("sleep", SLEEP)
        with Keeper() as other:
            assert other.folder != one.folder
            second = other.start("sleep", SLEEP)
        assert not runs(second)
        assert runs(first)
        assert one.statuses() == {"sleep": None}
    assert not runs(first)


def test_after_the_end_it_says_that_it_is_closed_and_closing_twice_is_nothing():
    with Keeper() as keeper:
        pass
    keeper.close()
    with pytest.raises(KeeperError, match="closed"):
        keeper.statuses()


def test_the_answer_to_an_interrupted_question_is_not_taken_for_the_next_ones(monkeypatch):
    class Interrupted:
        def get(self, timeout):
            raise KeyboardInterrupt

    with Keeper() as keeper:
        answers = keeper._answers
        Interrupted.put = staticmethod(answers.put)
        monkeypatch.setattr(keeper, "_answers", Interrupted())
        with pytest.raises(KeyboardInterrupt):
            keeper.start("sleep", SLEEP)
        monkeypatch.setattr(keeper, "_answers", answers)
        assert keeper.statuses() == {"sleep": None}


# --- signals -------------------------------------------------------------------------------------


@posix
def test_when_the_owner_is_killed_the_program_and_the_folder_go(owner):
    process, program, keeper, folder = owner
    assert Path(folder).is_dir()
    process.kill()
    assert soon(lambda: not runs(program))
    assert soon(lambda: not runs(keeper))
    assert_gone(folder)


@posix
def test_an_interrupt_from_the_keyboard_ends_the_owner_and_the_keeper_cleans_up(owner):
    process, program, keeper, folder = owner
    assert os.getpgid(keeper) != os.getpgid(process.pid)  # the terminal's signal passes it by
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    assert not runs(program)
    assert not Path(folder).exists()


@posix
def test_an_interrupt_that_reaches_the_keeper_itself_is_ignored():
    with Keeper() as keeper:
        keeper._process.send_signal(signal.SIGINT)
        assert runs(keeper.start("sleep", SLEEP))


@posix
def test_a_keeper_that_is_asked_to_end_leaves_nothing():
    with Keeper() as keeper:
        pid = keeper.start("sleep", SLEEP)
        keeper._process.terminate()
        assert soon(lambda: not runs(pid))
        with pytest.raises(KeeperError, match="ended with status 0"):
            keeper.start("late", SLEEP)
    assert_gone(keeper.folder)


@posix
def test_when_the_keeper_is_killed_its_owner_ends_the_orphans_and_deletes_the_folder():
    with Keeper() as keeper:
        pid = keeper.start("sleep", SLEEP)
        keeper._process.kill()
        with pytest.raises(KeeperError, match=f"ended with status -{signal.SIGKILL:d}"):
            keeper.statuses()
        assert runs(pid)
    assert not runs(pid)
    assert not keeper.folder.exists()
