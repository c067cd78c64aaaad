"""What a prediction of memory is: components with their names, and their sum."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

from fedlab.sizes import size_of
from fedlab.units import Bytes, whole_bytes

if TYPE_CHECKING:
    import pandas as pd


class Breakdown:
    """Components in bytes, by name."""

    def __init__(self, components: dict[str, Bytes]) -> None:
        self.components = components

    @property
    def total(self) -> Bytes:
        """All components together."""
        return sum(self.components.values(), Bytes(0))

    def table(self) -> pd.DataFrame:
        """One row a component, in bytes, and its share of the total."""
        import pandas as pd

        sizes = {**self.components, "total": self.total}
        table = pd.DataFrame({"bytes": [f"{size:,}" for size in sizes.values()]}, index=list(sizes))
        table["readable"] = [str(size) for size in sizes.values()]
        shares = (size / self.total if self.total else 0 for size in sizes.values())
        table["share"] = [f"{share:.1%}" for share in shares]
        return table

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {size.short}" for name, size in self.components.items() if size)
        return f"{type(self).__name__}({self.total}: {parts})"


def sized(thing: Any, what: str) -> Bytes:
    """The bytes of `thing`: a whole number of them, or anything that `size_of` takes."""
    return whole_bytes(thing, what) if isinstance(thing, Real) else size_of(thing)  # numpy's too
