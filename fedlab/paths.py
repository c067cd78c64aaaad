"""Where the files that travel with fedlab are: in a clone, or inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def in_clone() -> bool:
    """Whether this fedlab runs from a clone of the repository."""
    return (_PACKAGE.parent / "pyproject.toml").is_file()


def shipped(name: str) -> Path:
    """The file or folder `name` of the repository, or the wheel's copy of it."""
    return (_PACKAGE.parent if in_clone() else _PACKAGE / "shipped") / name
