"""What a command prints reaches any terminal, pipe and file, whatever its encoding."""

from __future__ import annotations

import io
import sys


def print_any_text() -> None:
    """Let standard output show "?" for what its encoding lacks, in place of an error.

    On Windows a pipe or a file still gets the encoding of the system's language, and folders and
    notebooks may be named in any other. Standard error does as much by itself.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # not so in a notebook
        sys.stdout.reconfigure(errors="replace")
