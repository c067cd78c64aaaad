"""What a reader changes in a demo: traits that take any value and say how they are drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import traitlets

from fedlab.widgets import notes

T = TypeVar("T")
N = TypeVar("N", bound=float)


if TYPE_CHECKING:

    class _Trait(traitlets.TraitType[T, T]): ...

else:  # older traitlets, such as Colab's, are not generic

    class _Trait(traitlets.TraitType, Generic[T]): ...


class Control(_Trait[T]):
    """A synced trait with a label. controls.js draws it.

    It takes any value and raises nothing, whoever sets it: a cell, a linked widget or a person who
    types. Where the value is not one that it allows, it takes the nearest one, or stays as it is,
    and the demo's `notes` say so. The next value that it allows takes the note away.
    """

    def __init__(self, default: T, label: str) -> None:
        super().__init__(default_value=default)
        self.tag(sync=True)
        self.label = label

    def set(self, obj: Any, value: Any) -> None:
        """Take a value, and put what is to say about it into the demo's notes."""
        current = cast(T, self.get(obj))
        value, note = self.taken(value, current)
        super().set(obj, value)
        # When traitlets ends a hold (of a constructor, or a message) it sets what changed again to
        # what it is: that is not the next value.
        if note or value != current or not obj._cross_validation_lock:
            others = {name: text for name, text in obj.notes.items() if name != self.name}
            obj.notes = others | ({str(self.name): note} if note else {})

    @abstractmethod
    def taken(self, came: Any, current: T) -> tuple[T, str]:
        """What it makes of a value; and a note, empty where that is the value itself."""

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
    """

    def __init__(
        self, low: N, high: N, label: str, *, unit: str = "", per_unit: int = 1, decimals: int = 0
    ) -> None:
        super().__init__(low, label)
        self.low, self.high, self.unit = low, high, unit
        self.per_unit, self.decimals = per_unit, decimals

    def taken(self, came: Any, current: N) -> tuple[N, str]:
        """The nearest number within the limits, of the control's kind."""
        return notes.number(came, current, self.low, self.high, self.per_unit)

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
        return f"{notes.written(value / self.per_unit)} {self.unit}".rstrip()


class Choice(Control[str]):
    """One of a few words, drawn as radio buttons.

    options: {value: what the view calls it}, the default first. Any other value changes nothing.
    """

    def __init__(self, options: Mapping[str, str], label: str) -> None:
        super().__init__(next(iter(options)), label)
        self.options = dict(options)

    def taken(self, came: Any, current: str) -> tuple[str, str]:
        """The option, or the one that is chosen."""
        return notes.choice(came, current, self.options)

    def spec(self) -> dict[str, Any]:
        """What the view needs to draw it."""
        return {"trait": self.name, "label": self.label, "options": list(self.options.items())}

    def shown(self, value: str) -> str:
        """What the view calls it."""
        return self.options[value]
