"""What has been predicted and solved on this computer: a small file that can be deleted.

JSON lines, appended as they happen: nothing is rewritten, so a crash costs one line at most. The
environment variable FEDLAB_PROGRESS names another file; empty, it keeps nothing. Nothing here
raises: a lesson goes on where a record cannot be kept, after a warning.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VARIABLE = "FEDLAB_PROGRESS"
STATES = ("NotAttempted", "Incorrect", "Correct")


@dataclass(frozen=True)
class Done:
    """What a record says.

    predicted: {name of a prediction: bytes}, the last guess. checked: {name of an exercise: state
    of the last attempt}. solved: exercises that were correct once. problem: what was wrong with
    the file, and where it is now; empty when nothing was.
    """

    predicted: Mapping[str, int] = field(default_factory=dict)
    checked: Mapping[str, str] = field(default_factory=dict)
    solved: frozenset[str] = frozenset()
    problem: str = ""


def place() -> Path | None:
    """The file; None where nothing is kept."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    from platformdirs import user_data_path

    return user_data_path("fedlab-course", appauthor=False) / "progress.jsonl"


def keep_check(exercise: str, state: str) -> None:
    """Record what a check found; a stub that was not attempted is not worth a line."""
    if state != "NotAttempted":
        _append({"exercise": exercise, "state": state})


def keep_prediction(name: str, size: int) -> None:
    """Record what a student committed to, in bytes."""
    _append({"prediction": name, "bytes": size})


def read() -> Done:
    """What has been done. Where lines are none of ours, the file is set aside and the rest kept."""
    path = place()
    if path is None:
        return Done()
    try:
        text = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return Done()
    except OSError as error:
        return Done(problem=f"the record of your progress cannot be read: {error}")
    predicted: dict[str, int] = {}
    checked: dict[str, str] = {}
    solved, good = set(), []
    lines = [line for line in text.splitlines() if line]
    for line in lines:
        match _parsed(line):
            case {"prediction": str(name), "bytes": int(size)}:
                predicted[name] = size
            case {"exercise": str(name), "state": str(state)} if state in STATES:
                checked[name] = state
                solved |= {name} if state == "Correct" else set()
            case _:
                continue
        good.append(line)
    problem = "" if len(good) == len(lines) else _set_aside(path, good, len(lines) - len(good))
    return Done(predicted, checked, frozenset(solved), problem)


def _append(entry: dict[str, Any]) -> None:
    path = place()
    if path is None:
        return
    line = json.dumps(entry | {"at": datetime.now(UTC).isoformat(timespec="seconds")})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"\n{line}\n")  # the first \n ends a line that a crash has torn
    except OSError as error:
        warnings.warn(f"your progress is not kept: {error}", RuntimeWarning, stacklevel=2)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _set_aside(path: Path, good: list[str], odd: int) -> str:
    aside = path.with_name(path.name + ".corrupt")
    said = f"{odd} {'line' if odd == 1 else 'lines'} of your progress could not be read"
    try:
        os.replace(path, aside)
        path.write_text("".join(line + "\n" for line in good), encoding="utf-8", newline="\n")
    except OSError as error:
        return f"{said}, and the file cannot be set aside: {error}"
    return f"{said}; the file was set aside as {aside}, and what could be read is kept"
