"""What the server sends to many clients at once: as the strategy made it, and as it travels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from flwr.app import Array, ArrayRecord, RecordDict

from fedlab.codecs import Codec, CodecError
from fedlab.codecs.arrays import encodable, encode, received
from fedlab.grids.frozen import Frozen
from fedlab.records import array_view, records_of

Records: TypeAlias = dict[str, dict[str, Array]]  # by the record's key and the tensor's name


@dataclass(frozen=True)
class Broadcast:
    """One content that goes to many clients."""

    original: RecordDict
    made: Records  # what the strategy had put into it
    sent: RecordDict  # what travels
    whole: Records  # with the frozen tensors as they were
    received: Records  # what clients make of it: their updates are added to these

    def is_of(self, content: RecordDict) -> bool:
        """Whether it was made of this content, which a strategy may have changed since."""
        return self.original is content and self.made == _arrays(content)


def broadcast(content: RecordDict, frozen: Frozen, codec: Codec | None) -> Broadcast:
    """Put the frozen tensors of a content back, and encode its weights when there is a codec."""
    made = _arrays(content)
    whole = {key: frozen.put_back(key, arrays) for key, arrays in made.items()}
    travels = whole if codec is None else _each(whole, partial(_encoded, codec))
    changed = {key: ArrayRecord(travels[key]) for key in made if travels[key] != made[key]}
    return Broadcast(
        original=content,
        made=made,
        sent=RecordDict(dict(content.items()) | changed) if changed else content,
        whole=whole,
        received=whole if codec is None else _each(travels, received),
    )


def _arrays(content: RecordDict) -> Records:
    return {key: dict(record) for key, record in records_of(content, ArrayRecord).items()}


def _each(records: Records, change: Callable[[Array], Array]) -> Records:
    return {
        key: {name: _named(name, change, array) for name, array in arrays.items()}
        for key, arrays in records.items()
    }


def _named(name: str, change: Callable[[Array], Array], array: Array) -> Array:
    try:
        return change(array)
    except CodecError as error:
        raise CodecError(f"downlink: {name}: {error}") from None


def _encoded(codec: Codec, array: Array) -> Array:
    return encode(codec, array_view(array), "weights") if encodable(array) else array
