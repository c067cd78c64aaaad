"""Lessons from a wheel are copied once, and never over somebody's files."""

from pathlib import Path

import pytest

from fedlab import paths


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A package folder as a wheel lays it out, with one lesson."""
    lesson = tmp_path / "site" / "fedlab" / "shipped" / "lessons" / "00_check_your_setup.ipynb"
    lesson.parent.mkdir(parents=True)
    lesson.write_text("{}", "utf-8")
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "site" / "fedlab")
    return tmp_path


def test_a_clone_uses_its_own_lessons() -> None:
    assert paths.in_clone()
    assert paths.copied_lessons(Path("unused")) == paths.shipped("lessons")


def test_a_wheel_copies_its_lessons_once_and_keeps_a_students_work(wheel: Path) -> None:
    folder = paths.copied_lessons(wheel / "mine")
    lesson = folder / "00_check_your_setup.ipynb"
    lesson.write_text("my work", "utf-8")
    assert paths.copied_lessons(wheel / "mine") == folder
    assert lesson.read_text("utf-8") == "my work"


def test_a_folder_that_holds_something_else_is_refused(wheel: Path) -> None:
    (wheel / "taken").mkdir()
    with pytest.raises(FileExistsError, match="holds no lessons"):
        paths.copied_lessons(wheel / "taken")
