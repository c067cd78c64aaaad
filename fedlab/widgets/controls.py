"""What a reader changes in a demo: traits that check themselves and say how they are drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import Any, TypeVar, cast

import traitlets

T = TypeVar("T")
N = TypeVar("N", bound=float)


class Control(traitlets.TraitType[T, T]):
    """A synced trait with a label. controls.js draws it.

    Raises TraitError for a value that it does not allow. A program gets an error; a person who
    types gets the nearest number that works, and a note (see controls.js).
    """

    def __init__(self, default: T, label: str) -> None:
        super().__init__(default_value=default)
        self.tag(sync=True)
        self.label = label

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """What the view needs to draw it."""

    @abstractmethod
    def shown(self, value: T) -> str:
        """A value as the view shows it."""


class Number(Control[N]):
    """A number with limits, a slider and a number field; whole where `low` is whole.

    low, high: the limits, in the trait's own unit. per_unit: how many of them one shown unit has
    (10**6 where bytes are shown in MB). decimals: of the slider's smallest step, in shown units.

    Raises TraitError for what is no number, NaN, outside the limits, or not whole.
    """

    def __init__(
        self, low: N, high: N, label: str, *, unit: str = "", per_unit: int = 1, decimals: int = 0
    ) -> None:
        super().__init__(low, label)
        self.low, self.high, self.unit = low, high, unit
        self.per_unit, self.decimals = per_unit, decimals

    def validate(self, obj: Any, value: Any) -> N:
        """Check a number and make it the control's kind: numpy's are welcome, booleans are not."""
        kind = type(self.low)
        # no NaN and no infinity is within the limits, so kind() cannot fail
        within = isinstance(value, Real) and self.low <= cast(float, value) <= self.high
        if within and not isinstance(value, bool) and (number := kind(value)) == value:
            return number
        what = "a whole number" if kind is int else "a number"
        raise traitlets.TraitError(
            f"{self.name}: expected {what} from {self.low} to {self.high}, got {value!r}"
        )

    def spec(self) -> dict[str, Any]:
        """What the view needs to draw it."""
        return {
            "trait": self.name,
            "label": self.label,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "perUnit": self.per_unit,
            "decimals": self.decimals,
            "whole": isinstance(self.low, int),
        }

    def shown(self, value: N) -> str:
        """A value as the number field shows it, with its unit."""
        number = value if self.per_unit == 1 else value / self.per_unit
        # JavaScript writes 0.000001 where Python's str says 1e-06
        text = f"{Decimal(str(number)):f}".removesuffix(".0")
        return f"{text} {self.unit}".rstrip()


class Choice(Control[str]):
    """One of a few words, drawn as radio buttons.

    options: {value: what the view calls it}, the default first.

    Raises TraitError for any other value.
    """

    def __init__(self, options: Mapping[str, str], label: str) -> None:
        super().__init__(next(iter(options)), label)
        self.options = dict(options)

    def validate(self, obj: Any, value: Any) -> str:
        """Check that it is one of the options."""
        if isinstance(value, str) and value in self.options:
            return value
        raise traitlets.TraitError(
            f"{self.name}: expected one of {', '.join(self.options)}, got {value!r}"
        )

    def spec(self) -> dict[str, Any]:
        """What the view needs to draw it."""
        return {"trait": self.name, "label": self.label, "options": list(self.options.items())}

    def shown(self, value: str) -> str:
        """What the view calls it."""
        return self.options[value]
