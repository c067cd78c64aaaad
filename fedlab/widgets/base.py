"""What every demo shares: checked traits, one JS module, and a table where no kernel runs.

A new demo names its controls, says its readout in Python, and says it again in JavaScript, so that
dragging waits for no kernel; a test holds the two together. `BandwidthDemo` is the example.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar, cast

import anywidget
import traitlets

_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import .* from "\./([a-z]+\.js)";$', re.MULTILINE)

N = TypeVar("N", bound=float)


def module(name: str) -> str:
    """The text of a .js file of this folder, with the files it imports put in their place.

    anywidget loads a module from a blob: address, where a relative import leads nowhere.
    """

    def inlined(found: re.Match[str]) -> str:
        return (_HERE / found[1]).read_text("utf-8")

    return _IMPORT.sub(inlined, (_HERE / name).read_text("utf-8"))


@dataclass(frozen=True)
class Readout:
    """What a demo says: one sentence, then (label, value) rows. A refusal has no rows."""

    headline: str
    rows: tuple[tuple[str, str], ...] = ()


class Control(traitlets.TraitType[N, N]):
    """A synced number with limits, a slider and a number field; whole where `low` is whole.

    low, high: the limits, in the trait's own unit. per_unit: how many of them one shown unit has
    (10**6 where bytes are shown in MB). decimals: of the slider's smallest step, in shown units.

    Raises TraitError for what is no number, NaN, outside the limits, or not whole. A program gets
    an error; a person who types gets the nearest number that works, and a note (see panel.js).
    """

    def __init__(
        self, low: N, high: N, label: str, *, unit: str = "", per_unit: int = 1, decimals: int = 0
    ) -> None:
        super().__init__(default_value=low)
        self.tag(sync=True)
        self.low, self.high, self.label, self.unit = low, high, label, unit
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
            "low": self.low,
            "high": self.high,
            "label": self.label,
            "unit": self.unit,
            "perUnit": self.per_unit,
            "decimals": self.decimals,
            "whole": isinstance(self.low, int),
        }

    def shown(self, value: N) -> str:
        """A value as the number field shows it, with its unit."""
        number = str(value if self.per_unit == 1 else value / self.per_unit).removesuffix(".0")
        return f"{number} {self.unit}".rstrip()


class Demo(anywidget.AnyWidget):
    """A demo of the course. A subclass sets `_esm`, declares `Control` traits, says its readout."""

    _css = _HERE / "demo.css"
    _controls: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    @traitlets.default("_controls")
    def _default_controls(self) -> list[dict[str, Any]]:
        return [control.spec() for control in self.controls()]

    @classmethod
    def controls(cls) -> list[Control[Any]]:
        """The controls, in the order in which the class names them (traitlets would sort them)."""
        return [t for c in reversed(cls.mro()) for t in vars(c).values() if isinstance(t, Control)]

    def readout(self) -> Readout:
        """What the demo says for the traits as they are. Every subclass has its own."""
        raise TypeError(f"{type(self).__name__} defines no readout()")

    def __repr__(self) -> str:
        settings = ", ".join(f"{c.name}={getattr(self, str(c.name))}" for c in self.controls())
        said = self.readout()
        rows = "".join(f"; {label}: {value}" for label, value in said.rows)
        return f"{type(self).__name__}({settings}): {said.headline}{rows}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        # The live view comes first where a kernel runs. The table is for the places where none
        # does (the site, GitHub, a printed page); it holds no random id, so that a lesson executed
        # twice stores the same bytes.
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, "text/html": self._html()}, metadata

    def _html(self) -> str:
        said = self.readout()
        settings = ((c.label, c.shown(getattr(self, str(c.name)))) for c in self.controls())
        rows = "".join(
            f'<tr><th scope="row">{escape(label)}</th><td>{escape(value)}</td></tr>\n'
            for label, value in (*settings, *said.rows)
        )
        return f"<table>\n<caption>{escape(said.headline)}</caption>\n{rows}</table>"
