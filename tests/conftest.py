"""What all tests share, in both environments; it puts tests/ on the path, where `apps` lives."""

import gc
import sys
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from lesson_times import pytest_terminal_summary  # noqa: F401

# A time is never asserted: no deadline. The first example of a room pays for its imports.
settings.register_profile(
    "fedlab", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fedlab")


@pytest.fixture(scope="module", autouse=True)
def garbage_of_its_own():
    """Some of Flower's strategies look for garbage at every reply: spare them all that is older."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def run_main(monkeypatch, capsys):
    """Call a command's main with these arguments and return (exit status, stdout, stderr)."""

    def run(main, name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def fedlab(run_main):
    """Run `fedlab …` as a user does and return (exit status, stdout, stderr)."""
    from fedlab import cli  # TensorFlow Federated's environment has no command line

    return partial(run_main, cli.main, "fedlab")
