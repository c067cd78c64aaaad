"""One call of pip, with the user's own configuration, and what may be repeated of its words."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from fedlab.data.registry import File

# A host, an address, a path or a URL: from the first of these on, pip's words stay out.
_PRIVATE = re.compile(r"[/\\@]|host|://|[A-Za-z-]\.[A-Za-z]|\d+\.\d+\.\d+\.\d+|0x", re.IGNORECASE)


def download(requirement: str, archive: File, folder: Path) -> str:
    """Download what `requirement` is published as into `folder`; empty, or why it did not work.

    archive: the wheel or the source distribution to bring. pip compares its SHA-256 before it does
    anything else with it: to learn its name and version, pip runs code of a source distribution,
    and so runs none but the published one's. When another file came, the answer is empty too and
    the folder lacks the archive.

    pip's progress bar shows in a terminal. An interrupt ends pip too.
    """
    if find_spec("pip") is None:
        return "this Python has no pip, which `python -m ensurepip` adds"
    package = requirement.partition("==")[0]
    wheel = archive.name.endswith(".whl")
    wanted = folder / "requirements.txt"  # pip takes a checksum from a file alone
    wanted.write_text(f"{requirement} --hash=sha256:{archive.sha256}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:" if wheel else f"--no-binary={package}"]
    command += ["--no-input", "--disable-pip-version-check"]
    # As a variable: pips before 25.1 know nothing of resuming, and pass over a setting they do not
    # know, where an option would be an error.
    environment = {"PIP_RESUME_RETRIES": "5"} | os.environ
    done = subprocess.run(
        [*command, "--dest", str(folder), "--requirement", str(wanted)],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        errors="replace",
    )
    refused = "DO NOT MATCH THE HASHES" in done.stderr
    return "" if done.returncode == 0 or refused else _reason(done.stderr)


def _reason(said: str) -> str:
    """The last thing that pip called an error, up to the first name of a place.

    >>> _reason("WARNING: Retrying\\n  ERROR: No matching distribution found for a==1.0\\n")
    'No matching distribution found for a==1.0'
    >>> _reason("ERROR: no route to HTTPSConnectionPool(host='mirror')")
    'no route to …'
    """
    lines = [line.strip() for line in said.splitlines()]  # a pip that pip starts is indented
    errors = [line.removeprefix("ERROR:") for line in lines if line.startswith("ERROR:")]
    kept: list[str] = []
    for word in errors[-1].split() if errors else []:
        if _PRIVATE.search(word):
            kept.append("…")
            break
        kept.append(word)
    return " ".join(kept) if kept not in ([], ["…"]) else "it did not say why"
