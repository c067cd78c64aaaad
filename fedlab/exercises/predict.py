"""Committing to a number before the measurement, and meeting it again at the reconcile step."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedlab.exercises import record
from fedlab.units import Bytes, whole_bytes

if TYPE_CHECKING:
    import pandas as pd

_MOST = 10**21  # bytes; what is far beyond any federation would not even print


@dataclass(frozen=True)
class Prediction:
    """What a student expects. guess is None while nothing was committed to."""

    name: str
    guess: Bytes | None = None
    problem: str = ""

    def __repr__(self) -> str:
        if self.guess is not None:
            return f"{self.name}: you expect {self.guess}"
        why = self.problem or 'write a number with its unit in place of the ..., as in "100 MB"'
        return f"{self.name}: no prediction yet; {why}"

    def reconcile(self, *, formula: int, measured: int) -> pd.DataFrame:
        """Your number, the formula's and the measured one, in bytes, each beside the measured.

        >>> predict("06.total", "212 MB").reconcile(formula=225_083_392, measured=225_083_392)
                               bytes                readable minus measured
        your prediction  212,000,000  212.00 MB (202.18 MiB)    -13,083,392
        formula          225,083,392  225.08 MB (214.66 MiB)              0
        measured         225,083,392  225.08 MB (214.66 MiB)              0
        """
        import pandas as pd

        sizes = {"your prediction": self.guess, "formula": Bytes(formula), "measured": measured}
        rows = {
            name: ["–"] * 3
            if size is None
            else [f"{size:,}", str(Bytes(size)), f"{size - measured:,}"]
            for name, size in sizes.items()
        }
        columns = ["bytes", "readable", "minus measured"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def predict(name: str, guess: str | int | types.EllipsisType) -> Prediction:
    """Commit to a number of bytes before you run. The stub is `predict("06.total", ...)`.

    guess: text with a unit, such as "212 MB"; a whole number counts as bytes. What cannot be read
    is no prediction, and the answer says why: nothing that is written here raises.

    >>> predict("06.total", ...)
    06.total: no prediction yet; write a number with its unit in place of the ..., as in "100 MB"
    >>> predict("06.total", "212 MB")
    06.total: you expect 212.00 MB (202.18 MiB)
    """
    if guess is ...:
        return Prediction(name)
    try:
        size = Bytes.parse(guess) if isinstance(guess, str) else whole_bytes(guess, "a number")
    except ValueError as error:
        return Prediction(name, problem=str(error))
    if size > _MOST:
        return Prediction(name, problem="expected at most a million PB, and got more")
    record.keep_prediction(name, size)
    return Prediction(name, size)
