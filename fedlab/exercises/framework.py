"""What every exercise does: check an answer, give hints one by one, show the solution."""

from __future__ import annotations

import ast
import importlib
import inspect
import math
import numbers
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fedlab.exercises import record


@dataclass(frozen=True)
class Result:
    """The state of an answer, and a sentence about it."""

    message: str = ""

    def __bool__(self) -> bool:
        return isinstance(self, Correct)

    def __str__(self) -> str:
        label = {"NotAttempted": "Not attempted", "Incorrect": "Not yet", "Correct": "Correct"}
        return f"{label[type(self).__name__]}: {self.message}"

    __repr__ = __str__


class NotAttempted(Result):
    """The answer is still the `...` of the lesson."""


class Incorrect(Result):
    """An attempt, and what is wrong with it."""


class Correct(Result):
    """Right, with what is worth knowing about it."""


class NoFunctionError(Exception):
    """An answer that was to be a function and is none."""


class UntouchedError(Exception):
    """A function whose body is still `...`: it returns None whatever it is given."""


class NoSolutionsError(LookupError):
    """This copy of the course was built for students, without solutions."""

    def __str__(self) -> str:
        return (
            "This copy of the course has no solutions: try hint() once more, or ask your instructor"
        )


# a checker returns None when the answer is right, or a sentence that says what is wrong
Checker = Callable[[Any], str | None]


@dataclass(repr=False)
class Exercise:
    """One exercise of a lesson.

    name: "05.1". prompt: what to do. checker: given the answer, None or what is wrong with it.
    praise: what is worth knowing once it is right. hints: from a nudge to nearly the answer. The
    solution is in `fedlab.exercises.solutions`. What a check found is kept, see `record`.

    >>> ex = Exercise("00.1", "Add.", lambda a: None if a == 4 else f"2 + 2 is not {a}",
    ...               praise="As ever.", hints=["Count."])
    >>> ex.check(...)
    Not attempted: replace the ... with your answer, then run this cell again.
    >>> ex.check(5)
    Not yet: 2 + 2 is not 5
    >>> ex.check(4)
    Correct: As ever.
    """

    name: str
    prompt: str
    checker: Checker
    praise: str
    hints: Sequence[str]
    _given: int = field(default=0, init=False)

    def check(self, answer: Any) -> Result:
        """Judge an answer. Never raises: what the answer itself raises is part of the verdict."""
        result = self._judged(answer)
        record.keep_check(self.name, type(result).__name__)
        return result

    def _judged(self, answer: Any) -> Result:
        if answer is ... or answer is None:
            return NotAttempted("replace the ... with your answer, then run this cell again.")
        try:
            wrong = self.checker(answer)
        except NoFunctionError as error:
            return Incorrect(str(error))
        except UntouchedError:
            return NotAttempted("write the body in place of the ..., then run this cell again.")
        except Exception as error:
            return Incorrect(f"your answer raised {type(error).__name__}: {error}")
        return Incorrect(wrong) if wrong else Correct(self.praise)

    def hint(self) -> None:
        """Print the next hint; the last one repeats."""
        number = min(self._given, len(self.hints) - 1)
        print(f"Hint {number + 1} of {len(self.hints)}: {self.hints[number]}")
        self._given += 1

    def solution(self) -> None:
        """Print a solution, or that this copy of the course has none."""
        try:
            print(self.solution_source())
        except NoSolutionsError as error:
            print(error)

    def solve(self) -> Any:
        """The reference answer, which passes the check. NoSolutionsError in a student's copy."""
        return self._solution()()

    def _solution(self) -> Callable[[], Any]:
        lesson, _, place = self.name.partition(".")
        try:
            solutions = importlib.import_module(f"fedlab.exercises.solutions.lesson_{lesson}")
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("fedlab.exercises.solutions"):
                raise
            raise NoSolutionsError from None
        found: Callable[[], Any] = solutions.ALL[int(place) - 1]
        return found

    def solution_source(self) -> str:
        """A solution as a student would write it, without our type annotations."""
        (function_,) = ast.parse(textwrap.dedent(inspect.getsource(self._solution()))).body
        assert isinstance(function_, ast.FunctionDef)
        *steps, last = function_.body[1:]  # the docstring is ours
        assert isinstance(last, ast.Return)
        assert last.value is not None
        lines = [ast.unparse(_Unannotated().visit(step)) for step in steps]
        return "\n".join([*lines, f"answer = {ast.unparse(last.value)}"]).strip()

    def __repr__(self) -> str:
        return f"Exercise {self.name}. {self.prompt}"

    def _repr_markdown_(self) -> str:
        return f"**Exercise {self.name}.** {self.prompt}"


class _Unannotated(ast.NodeTransformer):
    """Code without type annotations."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        assert node.value is not None
        return ast.fix_missing_locations(ast.Assign([node.target], node.value))


def number(
    answer: Any,
    right: float,
    *,
    unit: str,
    wrong: dict[float, str] | None = None,
    within: float = 0.0,
) -> str | None:
    """Compare a number with the right one; a known wrong one gets its own explanation.

    within: how far off a number may be, as a share, to be taken for the right or a wrong one.

    >>> number(212, 225, unit="MB", wrong={212: "these are whole MiB"})
    'these are whole MiB'
    """
    if isinstance(answer, bool) or not isinstance(answer, numbers.Real):
        return f"expected a number of {unit}, got a {type(answer).__name__}"

    def is_it(known: float) -> bool:
        return answer == known or (within > 0 and math.isclose(answer, known, rel_tol=within))

    if is_it(right):
        return None
    for known, why in (wrong or {}).items():
        if is_it(known):
            return why
    off = f"{float(answer) / right:.3g} times the right answer" if right else "it should be 0"
    return f"{answer} {unit} is not it ({off})"


def called(answer: Any, cases: Sequence[tuple[Any, ...]], *, name: str) -> list[Any]:
    """What a student's function returns for each case's arguments.

    Raises NoFunctionError when it is none, UntouchedError when it returns nothing for any.
    """
    if not callable(answer):
        raise NoFunctionError(f"expected the function {name}, got a {type(answer).__name__}")
    results = [answer(*arguments) for arguments in cases]
    if all(result is None or result is ... for result in results):
        raise UntouchedError
    return results


def function(
    answer: Any, cases: Sequence[tuple[tuple[Any, ...], Any, str]], *, name: str
) -> str | None:
    """Call a student's function on each case: (arguments, right result, why when it is wrong).

    >>> function(lambda n: n, [((2,), 4, "twice means times two")], name="twice")
    'twice(2) gave 2, expected 4: twice means times two'
    """
    results = called(answer, [arguments for arguments, _, _ in cases], name=name)
    for result, (arguments, right, why) in zip(results, cases, strict=True):
        if result != right:
            given = ", ".join(_brief(argument) for argument in arguments)
            return f"{name}({given}) gave {_brief(result)}, expected {_brief(right)}: {why}"
    return None


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"
