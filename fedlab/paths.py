"""Where the files that travel with fedlab are: in a clone, or inside an installed wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

_PACKAGE = Path(__file__).parent


def in_clone() -> bool:
    """Whether this fedlab runs from a clone of the repository."""
    return (_PACKAGE.parent / "pyproject.toml").is_file()


def shipped(name: str) -> Path:
    """The file or folder `name` of the repository, or the wheel's copy of it."""
    return (_PACKAGE.parent if in_clone() else _PACKAGE / "shipped") / name


def copied_lessons(folder: Path) -> Path:
    """A folder of lessons to work in: a clone's own; from a wheel a copy, made once in `folder`.

    Raises FileExistsError when `folder` holds something else.
    """
    if in_clone():
        return shipped("lessons")
    if not folder.exists():
        shutil.copytree(shipped("lessons"), folder)
    elif not any(folder.glob("00_*.ipynb")):
        raise FileExistsError(f"{folder} exists and holds no lessons; give another folder")
    return folder
