"""What a control makes of any value: one that it allows, and a note where that is another one.

notes.js is the same for what a person types and for what the browser's own links bring; a test
holds the two together, to the character of the note.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from decimal import Decimal
from numbers import Real
from typing import Any, TypeVar

N = TypeVar("N", bound=float)
_LONGEST = 25  # characters of a text that a note repeats: any number is shorter


def number(came: Any, current: N, low: N, high: N, per_unit: int = 1) -> tuple[N, str]:
    """The nearest number within the limits, whole where `low` is whole; and the note.

    What is no number, NaN and booleans among them, leaves `current` as it is. The note counts in
    shown units, of which each has `per_unit`.

    >>> number(2.5, 7, 1, 100), number(float("inf"), 7, 1, 100)
    ((3, '2.5 is rounded to 3'), (100, 'Infinity is too large; the most is 100'))
    >>> number("30", 7, 1, 100)
    (7, '"30" is no number; it stays 7')
    """
    kind = type(low)
    exact = _float(came)
    quote = written(exact / per_unit) if _is_number(came) else quoted(came)
    if math.isnan(exact):
        return current, f"{quote} is no number; it stays {written(current / per_unit)}"
    value = _rounded(exact) if kind is int else exact
    if value < low:
        return low, f"{quote} is too small; the least is {written(low / per_unit)}"
    if value > high:
        return high, f"{quote} is too large; the most is {written(high / per_unit)}"
    same = value / per_unit == exact / per_unit  # as far as it is shown
    return kind(value), "" if same else f"{quote} is rounded to {written(value / per_unit)}"


def choice(came: Any, current: str, options: Collection[str]) -> tuple[str, str]:
    """One of the options as it is, `current` for anything else; and the note.

    >>> choice("lamb", "sgd", ["sgd", "adam"])
    ('sgd', '"lamb" is none of sgd, adam; it stays sgd')
    """
    if isinstance(came, str) and came in options:
        return str(came), ""
    return current, f"{quoted(came)} is none of {', '.join(options)}; it stays {current}"


def quoted(came: Any) -> str:
    """What a note says came: a text, cut where it is long; "that" for what has no short name."""
    if not isinstance(came, str):
        return "that"
    # a lone surrogate, which a file's name may hold, cannot be sent to the browser
    text = came.encode("utf-8", "replace").decode("utf-8")
    text = re.sub(r"[ \t\r\n]+", " ", text).strip(" ")
    return f'"{text if len(text) <= _LONGEST else text[:_LONGEST] + "…"}"'


def written(number: float) -> str:
    """A number as JavaScript writes it.

    >>> written(5.0), written(1e-6), written(1e-7), written(float("inf"))
    ('5', '0.000001', '1e-7', 'Infinity')
    """
    text = repr(float(number) + 0.0)  # no minus before a zero
    if not math.isfinite(number):
        return text.replace("inf", "Infinity").replace("nan", "NaN")
    if number and not 1e-6 <= abs(number) < 1e21:
        digits, exponent = text.split("e")
        return f"{digits}e{int(exponent):+d}"
    return f"{Decimal(text):f}".removesuffix(".0")


def _is_number(came: Any) -> bool:
    return isinstance(came, Real) and not isinstance(came, bool)


def _float(came: Any) -> float:
    """A number, infinite where no float is as large; NaN for what is none."""
    if not _is_number(came):
        return math.nan
    try:
        return float(came)
    except OverflowError:
        return math.inf if came > 0 else -math.inf


def _rounded(number: float) -> float:
    """The nearest whole number, the upper one of two, as JavaScript's Math.round."""
    if math.isinf(number):
        return number
    lower = math.floor(number)
    return lower + (number - lower >= 0.5)
