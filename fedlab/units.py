"""Bytes that know MB from MiB, and the few other units the course speaks.

MB is 10^6 bytes and MiB is 2^20 bytes, always. Prediction and measurement meet in `Levels`,
which is nothing but three byte counts with names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral
from typing import Any, Literal, cast

Level = Literal["payload", "record", "message"]
LEVELS: tuple[Level, ...] = ("payload", "record", "message")

DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_FACTORS = {name: 1000**power for power, name in enumerate(DECIMAL)} | {
    name: 1024**power for power, name in enumerate(_BINARY)
}
_NUMBER = r"(?=[\d.])(?:\d{1,3}(?:,\d{3})+|\d[\d_]*)?(?:\.\d+)?"  # 212, 14_067_712, 1,234.5, .5
_RATES = {"bps": 1, "kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9}


class Bytes(int):
    """A whole number of bytes.

    Sums, differences and products with whole numbers stay `Bytes`; everything else is a number.

    >>> Bytes(225_083_392)
    Bytes(225083392)
    >>> str(Bytes(225_083_392))
    '225.08 MB (214.66 MiB)'
    >>> Bytes(225_083_392).MB
    225.083392
    >>> 4 * Bytes(56_270_848) == Bytes(225_083_392)
    True
    """

    __slots__ = ()

    @property
    def MB(self) -> float:  # noqa: N802 - the unit's own spelling
        """The same in megabytes, 10^6 bytes."""
        return int(self) / 10**6

    @property
    def MiB(self) -> float:  # noqa: N802 - the unit's own spelling
        """The same in mebibytes, 2^20 bytes."""
        return int(self) / 2**20

    @property
    def power(self) -> int:
        """Of 1000, for the unit in which it reads well: 0 for B, 1 for kB, 2 for MB, …

        >>> Bytes(999_994).power, Bytes(999_995).power  # 999.99 kB; 1,000.00 kB reads as 1.00 MB
        (1, 2)
        """
        size, last = abs(int(self)), len(DECIMAL) - 1
        power = min((len(str(size)) - 1) // 3, last)
        return power + (0 < power < last and round(size / 1000**power, 2) == 1000)

    @property
    def short(self) -> str:
        """In its decimal unit alone.

        >>> Bytes(225_083_392).short
        '225.08 MB'
        """
        power = self.power
        number = f"{int(self) / 1000**power:,.2f}" if power else f"{int(self)}"
        return f"{number} {DECIMAL[power]}"

    @classmethod
    def parse(cls, text: str) -> Bytes:
        """Read a size with its unit: B, kB, MB, GB, TB, PB (powers of 1000), KiB to PiB (of 1024).

        >>> Bytes.parse("53.66 MiB")
        Bytes(56266588)
        >>> Bytes.parse("212")
        Traceback (most recent call last):
        ...
        ValueError: a size needs a unit: expected a form like '212 MB' or '53.66 MiB', got '212'
        """
        found = re.fullmatch(rf"\s*({_NUMBER})\s*([A-Za-z]+)\s*", text)
        unit = _unit(found.group(2), _FACTORS) if found else None
        if found is None or unit is None:
            raise ValueError(
                f"a size needs a unit: expected a form like '212 MB' or '53.66 MiB', got {text!r}"
            )
        number = Fraction(found.group(1).replace("_", "").replace(",", ""))
        return cls(round(number * _FACTORS[unit]))

    def __repr__(self) -> str:
        return f"Bytes({int(self)})"

    def __str__(self) -> str:
        power = self.power
        binary = f" ({int(self) / 1024**power:,.2f} {_BINARY[power]})" if power else ""
        return self.short + binary

    def __format__(self, spec: str) -> str:
        return format(int(self), spec) if spec else str(self)

    def __add__(self, other: int) -> Bytes:
        return _kept(int(self).__add__(other))

    def __sub__(self, other: int) -> Bytes:
        return _kept(int(self).__sub__(other))

    def __mul__(self, other: int) -> Bytes:
        return _kept(int(self).__mul__(other))

    def __rsub__(self, other: int) -> Bytes:
        return _kept(int(self).__rsub__(other))

    __radd__ = __add__
    __rmul__ = __mul__


def _kept(number: int) -> Bytes:
    """A result of whole numbers stays `Bytes`; Python's NotImplemented passes through."""
    return cast(Bytes, number) if number is NotImplemented else Bytes(number)


def _unit(text: str, known: dict[str, int]) -> str | None:
    """The unit as it is spelled here, whatever its case; None when there is no such unit."""
    return next((name for name in known if name.lower() == text.lower()), None)


def whole_bytes(size: Any, what: str) -> Bytes:
    """Check that `size` is a whole number of bytes, at least 0.

    what: its name, for the error's sake. Raises ValueError when it is negative, NaN, infinite or
    has a fractional part.

    >>> whole_bytes(212e6, "outgoing")
    Bytes(212000000)
    """
    try:
        if int(size) == size and size >= 0:
            return Bytes(size)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{what}: expected a whole number of bytes, 0 or more, got {size!r}")


def whole_number(number: Any, what: str, least: int = 1) -> int:
    """Check that `number` is a whole number, Python's or numpy's, and at least `least`.

    what: its name, for the error's sake. Raises ValueError for anything else, True and 2.0 too.

    >>> whole_number(2, "nodes")
    2
    """
    if isinstance(number, Integral) and not isinstance(number, bool) and int(number) >= least:
        return int(number)
    raise ValueError(f"{what}: expected a whole number, {least} or more, got {number!r}")


def parse_bps(text: str) -> float:
    """Read a link's rate in bits per second: bps, kbps, Mbps, Gbps (also written Mbit/s).

    Raises ValueError for anything else; a capital B, as in MBps, means bytes and is refused.

    >>> parse_bps("20Mbps")
    20000000.0
    """
    found = re.fullmatch(r"\s*(\d*\.?\d+)\s*([A-Za-z/]+)\s*", text)
    unit = _unit(found.group(2).replace("bit/s", "bps"), _RATES) if found else None
    if found is None or "B" in found.group(2) or unit is None or float(found.group(1)) == 0:
        raise ValueError(f"a link needs a rate: expected a form like '20Mbps', got {text!r}")
    return float(found.group(1)) * _RATES[unit]


def duration(seconds: float) -> str:
    """A length of time in the two units that a reader needs.

    >>> duration(22.5), duration(59.99), duration(4_500), duration(200_000)
    ('22.5 s', '1.0 min', '1 h 15 min', '2 d 8 h')
    """
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    if round(minutes, 1) < 60:
        return f"{minutes:.1f} min"
    hours, minutes_left = divmod(round(minutes), 60)
    if hours < 48:
        return f"{hours} h {minutes_left} min"
    days, hours_left = divmod(round(minutes / 60), 24)
    return f"{days:,} d {hours_left} h"


NOTHING = Bytes(0)


@dataclass(frozen=True)
class Levels:
    """What one message, or a sum of them, weighs at each level, in bytes.

    payload: the numbers alone. record: Flower's own `count_bytes()`. message: the deflated content
    that Flower would transmit, without per-message metadata.

    >>> (Levels(Bytes(20), Bytes(150), Bytes(700)) * 2).record
    Bytes(300)
    """

    payload: Bytes = NOTHING
    record: Bytes = NOTHING
    message: Bytes = NOTHING

    def __add__(self, other: Levels) -> Levels:
        return Levels(
            self.payload + other.payload,
            self.record + other.record,
            self.message + other.message,
        )

    def __mul__(self, count: int) -> Levels:
        return Levels(self.payload * count, self.record * count, self.message * count)
