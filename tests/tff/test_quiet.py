"""What TensorFlow says unasked, and where it may leave files."""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fedlab.tff import quiet
from fedlab.tff_environment import QUIET


def test_generated_files_are_in_a_folder_of_this_process_alone(worker):
    folder = Path(tempfile.gettempdir())
    assert folder.name.startswith("fedlab-tff-")
    assert folder.stat().st_mode & 0o777 == 0o700
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == folder


@pytest.mark.parametrize("name", ["absl", "tensorflow", None])
def test_whatever_tensorflow_logs_below_critical_is_dropped(name, capfd):
    logger = logging.getLogger(name)
    logger.error("not said")
    assert not logger.isEnabledFor(logging.ERROR)
    assert logger.isEnabledFor(logging.CRITICAL)
    assert capfd.readouterr() == ("", "")


def variables(**already):
    """What TensorFlow would read in a fresh Python: the file alone, without TensorFlow."""
    code = (
        f"import os, runpy; runpy.run_path({quiet.__file__!r})\n"
        f"print(*(os.environ[name] for name in {list(QUIET)}))"
    )
    rest = {name: value for name, value in os.environ.items() if name not in QUIET}
    return subprocess.check_output([sys.executable, "-c", code], env=rest | already).split()


def test_the_room_sets_what_nobody_has_set():
    assert variables() == [b"3", b"0", b"-1", b"ERROR"]


def test_what_somebody_has_set_stays():
    assert variables(TF_CPP_MIN_LOG_LEVEL="2", GRPC_VERBOSITY="INFO") == [
        b"2",
        b"0",
        b"-1",
        b"INFO",
    ]
