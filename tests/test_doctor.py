"""What the doctor says of TensorFlow Federated; tests/test_cli.py has the command."""

import pytest

from fedlab.doctor import Check, examine

NAME = "TensorFlow Federated"


@pytest.mark.parametrize(
    ("obstacle", "fault", "expected"),
    [
        ("left out: no such machine", None, ("warning", "left out: no such machine", "")),
        (None, "no .venv-tff", ("warning", "no .venv-tff; only lesson 11 needs it", "make tff")),
        (None, None, ("ok", ".venv-tff, kernel fedlab-tff", "")),
    ],
    ids=["cannot be", "is not whole", "is whole"],
)
def test_the_doctor_says_of_tensorflow_federated_what_make_says(
    obstacle: str | None,
    fault: str | None,
    expected: tuple[str, str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fedlab.tff_environment.obstacle", lambda: obstacle)
    monkeypatch.setattr("fedlab.tff_environment.fault", lambda: fault)
    assert Check(NAME, *expected) in examine()
