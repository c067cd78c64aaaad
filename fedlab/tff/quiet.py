"""What TensorFlow says and leaves behind unasked, and how it is kept from it."""

from __future__ import annotations

import atexit
import logging
import os
import subprocess
import sys
import tempfile

from fedlab.tff_environment import QUIET

# before TensorFlow is loaded; the kernel fedlab-tff sets the same from its start
for _name, _value in QUIET.items():
    os.environ.setdefault(_name, _value)
logging.disable(logging.ERROR)  # TFF's warnings go to the root logger, where they have no name

# It waits until its standard input is closed, which the system does when this process is gone,
# however it went, and then removes the folder.
_REMOVER = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"


def generated_files_go_with_this_process() -> None:
    """Give this process a temporary folder of its own that does not outlive it.

    TensorFlow writes a Python file for each function it converts into a graph, about thirty a
    learning process, and removes them at exit. A kernel that is shut down at once has no exit.
    """
    folder = tempfile.mkdtemp(prefix="fedlab-tff-")
    remover = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _REMOVER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C is not for it
    )
    tempfile.tempdir = folder
    atexit.register(remover.communicate)  # at a proper exit the folder is gone before this process
