"""What a student changed of what was given: code cells of the lesson, and the lines that check."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence

from fedlab.grading.grades import brief

_CHECK = re.compile(r"\w+\.\w+\.check\(")
_NAMED = 3  # cells; more are counted


def edits(given: Sequence[str], left: Sequence[str]) -> list[str]:
    """A sentence for each kind of edit; none where only answers were filled in and cells added.

    given, left: the code cells of the lesson, and of the student's notebook. White space does not
    count, nor does where a cell stands.

    >>> edits(["import math", "answer = ...\\nex.one.check(answer)"],
    ...       ["import  math", "answer = math.pi"])
    ['check line gone: ex.one.check(']
    """
    answers = [source for source in given if is_answer(source)]
    kept = Counter(map(_squeezed, left))
    changed = []
    for source in given:
        if source in answers or not _squeezed(source):
            continue
        if kept[_squeezed(source)]:
            kept[_squeezed(source)] -= 1
        else:
            changed.append(brief(source))
    lines = [_squeezed(line) for source in left for line in source.splitlines()]
    live = "\n".join(line for line in lines if not line.startswith("#"))
    gone = [call for source in answers for call in _CHECK.findall(source) if call not in live]
    return [
        *([f"given cell changed or missing: {_few(changed)}"] if changed else []),
        *([f"check line gone: {_few(gone)}"] if gone else []),
    ]


def is_answer(source: str) -> bool:
    """Whether a cell of a lesson waits for an answer: a `...` stands where no index is.

    >>> is_answer("answer = ..."), is_answer("def f():\\n    ..."), is_answer("x[..., 0]")
    (True, True, False)
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a magic
        return False
    nodes = list(ast.walk(tree))
    indices = {part for n in nodes if isinstance(n, ast.Subscript) for part in ast.walk(n.slice)}
    return any(isinstance(n, ast.Constant) and n.value is ... for n in nodes if n not in indices)


def _squeezed(source: str) -> str:
    return "".join(source.split())


def _few(names: Sequence[str]) -> str:
    """The first of them by name, and how many more there are.

    >>> _few(["a", "b", "c", "d"])
    'a | b | c | and 1 more'
    """
    more = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return " | ".join([*names[:_NAMED], *more])
