"""One call of pip, with the user's own configuration, and what may be repeated of its words."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

# A host, an address, a path or a URL: from the first of these on, pip's words stay out.
_PRIVATE = re.compile(r"[/\\@]|host|://|[A-Za-z-]\.[A-Za-z]|\d+\.\d+\.\d+\.\d+|0x", re.IGNORECASE)


def download(requirement: str, folder: Path) -> str:
    """Download the wheel of `requirement` into `folder`; empty, or why it did not work.

    pip's progress bar shows in a terminal. An interrupt ends pip too.
    """
    if find_spec("pip") is None:
        return "this Python has no pip, which `python -m ensurepip` adds"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    # As a variable: pips before 25.1 know nothing of resuming, and pass over a setting they do not
    # know, where an option would be an error.
    environment = {"PIP_RESUME_RETRIES": "5"} | os.environ
    done = subprocess.run(
        [*command, "--no-input", "--disable-pip-version-check", "--dest", str(folder), requirement],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        errors="replace",
    )
    return "" if done.returncode == 0 else _reason(done.stderr)


def _reason(said: str) -> str:
    """The last thing that pip called an error, up to the first name of a place.

    >>> _reason("WARNING: Retrying\\nERROR: No matching distribution found for a==1.0\\n")
    'No matching distribution found for a==1.0'
    >>> _reason("ERROR: no route to HTTPSConnectionPool(host='mirror')")
    'no route to …'
    """
    errors = [
        line.removeprefix("ERROR:") for line in said.splitlines() if line.startswith("ERROR:")
    ]
    kept: list[str] = []
    for word in errors[-1].split() if errors else []:
        if _PRIVATE.search(word):
            kept.append("…")
            break
        kept.append(word)
    return " ".join(kept) if kept not in ([], ["…"]) else "it did not say why"
