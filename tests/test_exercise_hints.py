"""No hint is a solution, neither evaluated nor as the body of the function.

That no line of a solution stands anywhere in a student's copy is `make student`'s own check.
"""

import ast
import importlib
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import fedlab.exercises
from fedlab import size_of
from fedlab.exercises import Correct, Exercise

FOLDER = Path(fedlab.exercises.__file__).parent
FILES = sorted(FOLDER.glob("lesson_[0-9][0-9].py"))
ALL = [
    exercise
    for file in FILES
    for exercise in importlib.import_module(f"fedlab.exercises.{file.stem}").ALL
]
pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")  # of words taken for code
NUMBER = r"\d[\d_]*(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?"
ARITHMETIC = re.compile(rf"\(*{NUMBER}(?:\s*(?:\*\*|//|[-+*/×·−])\s*\(*{NUMBER}\)*)*")
SIGNS = str.maketrans({"×": "*", "·": "*", "−": "-"})


@pytest.fixture(params=ALL, ids=lambda exercise: exercise.name)
def exercise(request: pytest.FixtureRequest) -> Exercise:
    return request.param


def fragments(hint: str) -> Iterator[str]:
    """What of a hint could be meant as code."""
    hint = hint.translate(SIGNS)
    pieces = [hint, *re.findall(r"`([^`]+)`", hint), *re.split(r"[.:;?](?:\s|$)", hint)]
    pieces += [piece.partition(", where ")[0] for piece in pieces]
    for piece in pieces:
        code = piece.strip(" .`").removeprefix("return ")
        yield code
        yield code.partition(" = ")[2]


def evaluated(code: str) -> object:
    """The value of an expression; None when it is none."""
    try:
        return eval(code, {"size_of": size_of, "math": math, "np": np})
    except Exception:
        return None


def numbers_in(hint: str) -> Iterator[object]:
    """The value of each number and of each piece of arithmetic, and of every other expression."""
    for piece in ARITHMETIC.findall(hint):
        code = re.sub(r",(?=\d{3})", "", piece.translate(SIGNS))
        more = code.count("(") - code.count(")")
        yield evaluated(code.lstrip("(") if more > 0 else code)
        yield evaluated(code + ")" * more)
    yield from (evaluated(code) for code in fragments(hint))


def written_as(function: ast.FunctionDef, code: str) -> object:
    """The function with this body; None when it is no code."""
    arguments = ", ".join(argument.arg for argument in function.args.args)
    namespace = {"np": np, "math": math}
    for body in (f"return {code}", code):
        try:
            exec(f"def {function.name}({arguments}):\n    {body}\n", namespace)
        except (SyntaxError, ValueError):
            continue
        return namespace[function.name]
    return None


def gives_away(exercise: Exercise, hint: str) -> bool:
    """Whether a hint, evaluated or as the body of the function, is the solution."""
    solution = exercise.solve()
    parts = solution if isinstance(solution, tuple) else (solution,)
    right = [part for part in parts if isinstance(part, int | float)]
    if len(parts) > 1:
        right = [part for part in right if part > 10]  # which node, which round: any text has those
    values = [value for value in numbers_in(hint) if isinstance(value, int | float)]
    if any(math.isclose(part, value, rel_tol=1e-6) for part in right for value in values):
        return True
    defined = ast.walk(ast.parse(exercise.solution_source()))
    function = next((node for node in defined if isinstance(node, ast.FunctionDef)), None)
    if function is None or isinstance(solution, tuple):
        return False
    codes = {code for code in fragments(hint) if re.search(r"[(\[*/+-]", code)}
    tries = (written_as(function, code) for code in codes)
    return any(isinstance(exercise.check(f), Correct) for f in tries if f is not None)


def test_no_hint_is_the_solution(exercise: Exercise) -> None:
    assert [hint for hint in exercise.hints if gives_away(exercise, hint)] == []


def test_no_checker_imports_from_the_solutions(exercise: Exercise) -> None:
    file = FOLDER / f"lesson_{exercise.name[:2]}.py"
    assert "exercises.solutions" not in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("05.1", "50 × 80 × 0.5 × 10"),
        ("05.3", "50 * 10**9 // (2 * 56_270_848 * 20)"),
        ("05.3", "That pays for 22 rounds."),
        ("02.1", "It is 25_000_000 * 4 * 4 + 100 * 4."),
        ("02.4", "1,000 × 203,560"),
        ("04.3", "(1 / 2) / (10 / 1010)"),
        ("04.5", "1 - 2 / (2 + 4)"),
        ("04.4", "The server held 2,239,160 bytes."),
        ("01.2", "return mebibytes * 2**20 / 10**6"),
        ("01.3", "return sum(t.element_size() * t.numel() for t in state_dict.values())"),
        ("03.4", "[min(micro, count - start) / count for start in range(0, count, micro)]"),
        ("05.2", "answer = (outgoing + incoming) * int(cohort * fraction) * rounds, where …"),
    ],
)
def test_a_hint_that_is_the_solution_is_found(name: str, hint: str) -> None:
    assert gives_away(next(one for one in ALL if one.name == name), hint)
