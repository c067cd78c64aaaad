"""What every demo shares: its controls, one JS module, a picture and a table where no kernel runs.

A new demo names its controls, says its readout in Python, and says it again in JavaScript, so that
dragging waits for no kernel; a test holds the two together. `BandwidthDemo` is the example. Only
`CompressionDemo`, whose numbers take a codec, has the kernel answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from fedlab.widgets.controls import Control
from fedlab.widgets.picture import Look, Picture, bars, image

_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import .* from "\./([a-z]+\.js)";$', re.MULTILINE)


def module(name: str) -> str:
    """The text of a .js file of this folder, with the files it imports put in their place, once.

    anywidget loads a module from a blob: address, where a relative import leads nowhere.
    """
    seen: set[str] = set()

    def text(file: str) -> str:
        if file in seen:
            return ""
        seen.add(file)
        return _IMPORT.sub(lambda found: text(found[1]), (_HERE / file).read_text("utf-8"))

    return text(name)


@dataclass(frozen=True)
class Readout:
    """What a demo says: one sentence, then (label, value) rows. A refusal has no rows.

    looks: how the row of a label is drawn; one that is not named is text alone.
    """

    headline: str
    rows: tuple[tuple[str, str], ...] = ()
    looks: Mapping[str, Look] = field(default_factory=dict)


def counted(number: int, noun: str) -> str:
    """A count with its noun, as units.js says it too.

    >>> counted(1, "client"), counted(1000, "client")
    ('1 client', '1,000 clients')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Demo(anywidget.AnyWidget):
    """A demo of the course. A subclass sets `_esm`, declares `Control` traits, says its readout."""

    # whether its numbers are the kernel's: if not, its view comes alive on a page without one
    needs_kernel: ClassVar[bool] = False
    _css: Path | str = _HERE / "demo.css"
    _controls: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    # what a demo knows from the model it was made of and no control changes: part of the state
    _given: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    # what there is to say about a control's value, by the control's name: see `Control`
    notes: traitlets.Dict[str, str] = traitlets.Dict().tag(sync=True)
    # type, controls and bars large enough for a projector; the view has a button for it
    large = traitlets.Bool(False).tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """A control begins where the constructor does, and stays there if it is given nonsense."""
        super().__init_subclass__(**kwargs)
        for name, parameter in signature(cls.__init__).parameters.items():
            control = vars(cls).get(name)
            if isinstance(control, Control) and parameter.default is not None:
                control.default_value = parameter.default

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

    def pictures(self, said: Readout) -> list[Picture]:
        """What a page shows where no view runs: the bars of the readout's rows."""
        return [bars(said.rows, said.looks)]

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the browser sends: its notes last, since a new value takes the old one away."""
        super().set_state(dict(sorted(sync_data.items(), key=lambda item: item[0] == "notes")))

    def __repr__(self) -> str:
        settings = ", ".join(f"{c.name}={getattr(self, str(c.name))!r}" for c in self.controls())
        said = self.readout()
        rows = "".join(f"; {label}: {value}" for label, value in said.rows)
        notes = "".join(f"; {name}: {note}" for name, note in self.notes.items())
        return f"{type(self).__name__}({settings}): {said.headline}{rows}{notes}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        # The live view comes first where a kernel runs. Picture and table are for the places where
        # none does (the site, a printed page, and GitHub, which shows the table alone); they hold
        # no random id, so that a lesson executed twice stores the same bytes. The site puts the
        # live view in their place again, by what the table says of the demo.
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, "text/html": self._html()}, metadata

    def _html(self) -> str:
        said = self.readout()
        settings = [
            (escape(c.label), escape(c.shown(getattr(self, name))) + self._noted(name))
            for c in self.controls()
            for name in [str(c.name)]
        ]
        rows = "".join(
            f'<tr><th scope="row">{label}</th><td>{value}</td></tr>\n'
            for label, value in (*settings, *((escape(a), escape(b)) for a, b in said.rows))
        )
        return (
            f"{image(self.pictures(said))}"
            f'<table class="fedlab-still"{self._stands_for()}>\n'
            f"<caption>{escape(said.headline)}</caption>\n{rows}</table>"
        )

    def _stands_for(self) -> str:
        """Attributes of the table: which demo it is, and all that its view has to know.

        Not the controls: those are the class's.
        """
        if self.needs_kernel:
            return ""
        names = [name for name in self.traits(sync=True) if not hasattr(anywidget.AnyWidget, name)]
        state = {name: getattr(self, name) for name in names if not name.startswith("_")}
        text = json.dumps(state | {"_given": self._given}, sort_keys=True)
        return f' data-demo="{type(self).__name__}" data-state="{escape(text)}"'

    def _noted(self, name: str) -> str:
        return f"<br><em>{escape(self.notes[name])}</em>" if name in self.notes else ""
