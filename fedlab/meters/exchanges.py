"""What passed a metering proxy: one exchange a request, with its bytes each way."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedlab.units import Bytes

if TYPE_CHECKING:
    import pandas as pd

SERVER = "server"  # the hop of a deployment's ServerApp; its SuperNodes' are "node 0", "node 1", …
_COLUMNS = {"hop": int, "kind": int, "started": float, "up": int, "down": int}
_JSON = {"hops": str, "kinds": str} | _COLUMNS
_SAID = {str: "a text", float: "a decimal number", int: "a whole number"}
_MOST_BYTES = 2**63 - 1  # what a column of 64 bits holds
_MOST_BUCKETS = 1_000_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its answer, on one hop.

    hop: between whom it passed. kind: the request's path, or what the proxy calls it. started: when
    its first bytes passed, in seconds since 1970. up: bytes towards the upstream. down: bytes back.
    """

    hop: str
    kind: str
    started: float
    up: Bytes
    down: Bytes


class Exchanges:
    """Exchanges in the order in which they began, 32 bytes each.

    >>> wire = Exchanges([Exchange("node 0", "/pull", 0.0, Bytes(300), Bytes(5_000))])
    >>> wire
    Exchanges(1 on 1 hop, 300 B up, 5.00 kB (4.88 KiB) down)
    >>> wire.select(hop="node 0", kinds={"/push"}).total
    Bytes(0)
    """

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        # In columns, and every name once: an object each takes ten times the memory.
        self._hop, self._kind = array("I"), array("I")
        self._started = array("d")
        self._up, self._down = array("q"), array("q")
        self._hops: dict[str, int] = {}
        self._kinds: dict[str, int] = {}
        for exchange in exchanges:
            self.add(exchange)

    def add(self, exchange: Exchange) -> int:
        """Write one. Returns its number, by which `grow` and `rename` know it.

        Raises ValueError for a time that is not finite, or bytes below 0 or beyond 64 bits.
        """
        started, up, down = exchange.started, exchange.up, exchange.down
        if not (math.isfinite(started) and 0 <= up <= _MOST_BYTES and 0 <= down <= _MOST_BYTES):
            raise ValueError(
                "an exchange needs a finite time and bytes from 0 to 2^63 - 1, got "
                f"started={started}, up={up:d}, down={down:d}"
            )
        self._hop.append(self._hops.setdefault(exchange.hop, len(self._hops)))
        self._kind.append(self._kinds.setdefault(exchange.kind, len(self._kinds)))
        self._started.append(started)
        self._up.append(up)
        self._down.append(down)
        return len(self) - 1

    def grow(self, number: int, *, up: int = 0, down: int = 0) -> None:
        """More bytes of an open exchange; fewer when they turn out to be the next one's."""
        self._up[number] += up
        self._down[number] += down

    def rename(self, number: int, kind: str) -> None:
        """What kind it is became clear after its first bytes."""
        self._kind[number] = self._kinds.setdefault(kind, len(self._kinds))

    def copy(self) -> Exchanges:
        """The same as of now: it does not grow when this one does."""
        copy = Exchanges()
        copy._hop, copy._kind, copy._started = self._hop[:], self._kind[:], self._started[:]
        copy._up, copy._down = self._up[:], self._down[:]
        copy._hops, copy._kinds = dict(self._hops), dict(self._kinds)
        return copy

    def __len__(self) -> int:
        return len(self._up)

    def __iter__(self) -> Iterator[Exchange]:
        hops, kinds = tuple(self._hops), tuple(self._kinds)
        rows = zip(self._hop, self._kind, self._started, self._up, self._down, strict=True)
        for hop, kind, started, up, down in rows:
            yield Exchange(hops[hop], kinds[kind], started, Bytes(up), Bytes(down))

    @property
    def hops(self) -> tuple[str, ...]:
        """The hops that were used, in order of their first exchange."""
        return tuple(self._hops)

    def select(
        self,
        hop: str | None = None,
        kinds: Collection[str] | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> Exchanges:
        """Those on one hop, of some kinds, that began in a time: since <= started < until.

        since, until: seconds since 1970. What is None does not choose.
        Raises ValueError when kinds is one text, which would be read letter by letter.
        """
        if isinstance(kinds, str):
            raise ValueError(
                f"kinds: expected a collection of texts, got {kinds!r}: write {{{kinds!r}}}"
            )
        return Exchanges(
            exchange
            for exchange in self
            if (hop is None or exchange.hop == hop)
            and (kinds is None or exchange.kind in kinds)
            and (since is None or since <= exchange.started)
            and (until is None or exchange.started < until)
        )

    @property
    def up(self) -> Bytes:
        """Bytes towards the upstream."""
        return Bytes(sum(self._up))

    @property
    def down(self) -> Bytes:
        """Bytes from the upstream."""
        return Bytes(sum(self._down))

    @property
    def total(self) -> Bytes:
        """Bytes both ways."""
        return self.up + self.down

    def table(self) -> pd.DataFrame:
        """One row an exchange, in the order in which they began; sizes in bytes."""
        import pandas as pd

        return pd.DataFrame(
            {
                "hop": pd.Series([e.hop for e in self], dtype="str"),
                "kind": pd.Series([e.kind for e in self], dtype="str"),
                "started": pd.Series(self._started.tolist(), dtype="float64"),
                "up": pd.Series(self._up.tolist(), dtype="int64"),
                "down": pd.Series(self._down.tolist(), dtype="int64"),
            }
        )

    def per_hop(self) -> pd.DataFrame:
        """One row a hop: requests, and bytes each way."""
        return self._per("hop")

    def per_kind(self) -> pd.DataFrame:
        """One row a kind of request, over all hops: requests, and bytes each way."""
        return self._per("kind")

    def _per(self, column: str) -> pd.DataFrame:
        groups = self.table().groupby(column, sort=False)
        return groups.agg(requests=("up", "size"), up=("up", "sum"), down=("down", "sum"))

    def over_time(self, seconds: float = 1.0) -> pd.DataFrame:
        """Bytes of each hop, each way, in slices of `seconds` since the first exchange.

        The index is each slice's beginning in seconds, the columns are (hop, direction). All bytes
        of an exchange stand in the slice in which it began; a slice without any has zeros.
        Raises ValueError when seconds is not a positive number or the slices exceed a million.
        """
        import pandas as pd

        first = min(self._started, default=0.0)
        last = max(self._started, default=0.0)
        if not (math.isfinite(seconds) and seconds > 0):
            raise ValueError(f"seconds: expected a positive number, got {seconds}")
        if (last - first) / seconds >= _MOST_BUCKETS:
            raise ValueError(
                f"seconds: {last - first:,.0f} s in slices of {seconds} s are more than a million; "
                "expected longer slices or a selection in time"
            )
        table = self.table()
        number = ((table["started"] - first) // seconds).astype("int64")
        sums = table.groupby([number, "hop"])[["up", "down"]].sum()
        by_hop = pd.DataFrame(sums.unstack("hop", fill_value=0)).swaplevel(axis="columns")
        ways = pd.MultiIndex.from_product([self.hops, ("up", "down")], names=["hop", "direction"])
        numbers = range(number.max() + 1 if len(self) else 0)
        filled = by_hop.reindex(index=numbers, columns=ways, fill_value=0)
        return filled.set_axis(
            pd.Index([n * seconds for n in numbers], name="seconds"), axis="index"
        )

    def as_json(self) -> dict[str, list[Any]]:
        """Plain lists and numbers, for `json.dumps`: a column each, names once."""
        return {
            "hops": list(self._hops),
            "kinds": list(self._kinds),
            "hop": self._hop.tolist(),
            "kind": self._kind.tolist(),
            "started": self._started.tolist(),
            "up": self._up.tolist(),
            "down": self._down.tolist(),
        }

    @classmethod
    def from_json(cls, data: object) -> Exchanges:
        """What `as_json` gave. Raises ValueError, saying what is wrong, for anything else."""
        if not isinstance(data, Mapping) or set(data) != set(_JSON):
            got = sorted(map(str, data)) if isinstance(data, Mapping) else type(data).__name__
            raise ValueError(f"exchanges: expected an object with {', '.join(_JSON)}, got {got}")
        for name, kind in _JSON.items():
            if not isinstance(data[name], list):
                raise ValueError(
                    f"exchanges: expected {name} to be a list, got {type(data[name]).__name__}"
                )
            for value in data[name]:
                if type(value) is not kind:  # True is no number here
                    raise ValueError(f"exchanges: expected {_SAID[kind]} in {name}, got {value!r}")
        lengths = {name: len(data[name]) for name in _COLUMNS}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"exchanges: expected columns of one length, got {lengths}")
        for name in ("hop", "kind"):
            names = data[f"{name}s"]
            for number in data[name]:
                if not 0 <= number < len(names):
                    raise ValueError(
                        f"exchanges: expected {name} to number one of {len(names)} names, "
                        f"got {number}"
                    )
        return cls(
            Exchange(data["hops"][hop], data["kinds"][kind], started, Bytes(up), Bytes(down))
            for hop, kind, started, up, down in zip(*(data[n] for n in _COLUMNS), strict=True)
        )

    def __repr__(self) -> str:
        hops = "1 hop" if len(self._hops) == 1 else f"{len(self._hops)} hops"
        return f"Exchanges({len(self):,} on {hops}, {self.up} up, {self.down} down)"
