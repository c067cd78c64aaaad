"""Every codec on a vector of 56 MB, beside the peers that have one like it, in one run.

Ours are timed on reused buffers (`encode_into`, `decode_into`) and once more into new memory
(`encode` gives the `bytes` that Flower wants, `decode` a new array). The peers run after that, in
an environment of their own where the name fedlab means SMILELab's package: `make bench-peers` sets
it up.
"""

import json
import math
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import PYTHON as PEERS
from rich import box
from rich.console import Console
from rich.table import Table
from timing import Measured, measured, vector

from fedlab import codecs

FAMILIES = {
    "16 bits": ("float16", "bfloat16"),
    "1 % of the values": ("threshold:2.5758", "topk:0.01", "randomk:0.01", "topk:0.01|int8"),
    "1 % of the values, ternary": ("ternary:0.01",),
    "8 bits": ("int8", "int8:stochastic"),
    "4 bits and fewer": ("int4", "int4:block=48", "int4:stochastic", "int2"),
}
COPIES = (  # at most, in copies of the same vector
    ("float16", "encode", 2),
    ("threshold:2.5758", "encode", 3),
    ("topk:0.01", "encode", 4),
    ("int8", "encode", 2.5),
    ("int8", "decode", 2.5),
    ("int4", "encode", 4),
    ("int4", "decode", 3),
)
HERE = Path(__file__).parent

Row = dict[str, Any]


def reused(text: str, array: np.ndarray) -> Measured:
    """One of ours, into buffers that are there already."""
    codec, decoded = codecs.parse(text), np.empty_like(array)
    buffer = np.empty(codec.size(array.shape, array.dtype), np.uint8)

    def decode(blob: np.ndarray) -> np.ndarray:
        codec.decode_into(blob, decoded)
        return decoded

    def encode() -> np.ndarray:
        return buffer[: codec.encode_into(array, buffer, seed=0)]

    return measured(array, encode, decode, len)


def fresh(text: str, array: np.ndarray) -> Measured:
    """The same into new memory: a `bytes` object, an array."""
    codec = codecs.parse(text)
    return measured(
        array, lambda: codec.encode(array, seed=0), lambda b: codec.decode(b, array.shape), len
    )


def peers(console: Console) -> list[Row]:
    """What the peers' process measured, kernel by kernel; none where it is not set up."""
    if not PEERS.exists():
        console.print("The peers are left out: `make bench-peers` sets them up and adds them.\n")
        return []
    rows = []
    with (
        tempfile.TemporaryFile("w+") as errors,
        console.status("peers … (the slowest takes minutes)") as status,
        subprocess.Popen(
            # cwd and -E: neither this repository nor PYTHONPATH may offer our fedlab there
            [PEERS, "-E", "-m", "peers"],
            cwd=HERE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            rows.append(json.loads(line))
            status.update(f"peers … {len(rows)} measured (the slowest takes minutes)")
        if process.wait() != 0:
            errors.seek(0)
            reason = (errors.read().splitlines() or ["no message"])[-1]
            console.print(f"The peers' process ended early: {reason}\n")
    return rows


def family(
    title: str,
    ours: dict[str, Measured],
    new_memory: dict[str, Measured],
    theirs: Sequence[Row],
) -> Table:
    """One of ours, then what stands beside it, with how many times as long each takes."""
    table = Table(title=title, box=box.MARKDOWN, title_justify="left", caption_justify="left")
    table.add_column("codec", overflow="fold")
    for name in ("encode ms", "times", "decode ms", "times", "bytes", "error"):
        table.add_column(name, justify="right", no_wrap=True)
    notes = []
    for text, mine in ours.items():
        add(table, f"fedlab {text}", mine, mine)
        add(table, "the same into new memory", new_memory[text], mine)
        for row in theirs:
            if row["beside"] != text:
                continue
            name = f"{row['library']} {row['kernel']}"
            if "failed" in row:
                table.add_row(cell(name), "did not run")
                notes.append(f"{name}: {row['failed']}")
                continue
            got = Measured(**{key: row[key] for key in Measured.__dataclass_fields__})
            add(table, name, got, mine)
            if row["note"]:
                notes.append(f"{name}: {row['note']}")
    table.caption = "\n".join(notes) or None
    return table


def add(table: Table, name: str, got: Measured, mine: Measured) -> None:
    table.add_row(
        cell(name),
        f"{got.encode_ms:,.1f}",
        times(got.encode_ms / mine.encode_ms),
        f"{got.decode_ms:,.1f}",
        times(got.decode_ms / mine.decode_ms),
        f"{got.bytes:,}",
        f"{got.error:.3g}",
    )


def cell(text: str) -> str:
    """A text in a Markdown table, which the printed tables are."""
    return text.replace("|", r"\|")


def times(ratio: float) -> str:
    """A ratio to two digits or to the whole number.

    Below 1 the peer is the faster one, and 0.0 would not say by how much.
    """
    return f"{ratio:.2f}" if ratio < 1 else f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"


def goals(ours: dict[str, Measured], elements: int) -> Table:
    """What some of them are meant to reach, and what came."""
    table = Table(title="Goals", box=box.MARKDOWN, title_justify="left")
    for name in ("what", "measured", "at most", "reached"):
        table.add_column(name, justify="left" if name == "what" else "right")

    def row(what: str, value: float, most: float) -> None:
        table.add_row(cell(what), f"{value:.4g}", f"{most:g}", "yes" if value <= most else "no")

    for text, way, most in COPIES:
        mine = ours[text]
        took = mine.encode_ms if way == "encode" else mine.decode_ms
        row(f"{text} {way}, in copies", took / mine.copy_ms, most)
    bound = least_bytes(elements, math.ceil(0.01 * elements))
    row("topk:0.01|int8, of the least bytes", ours["topk:0.01|int8"].bytes / bound, 1.15)
    row("int4:block=48, relative error", ours["int4:block=48"].error, 0.092)
    row("int4:block=48, MB", ours["int4:block=48"].bytes / 1e6, 7.91)
    return table


def least_bytes(elements: int, kept: int) -> float:
    """Entropy of which `kept` of `elements` are kept, in bytes, and a byte for each value."""
    share = kept / elements
    bits = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    return elements * bits / 8 + kept


def main() -> None:
    console = Console(width=100)
    array = vector()
    texts = [text for known in FAMILIES.values() for text in known]
    ours, new_memory = {}, {}
    for text in texts:
        with console.status(f"{text} …"):
            ours[text], new_memory[text] = reused(text, array), fresh(text, array)
    theirs = peers(console)
    for title, known in FAMILIES.items():
        shown = {text: ours[text] for text in known}
        console.print(family(title, shown, new_memory, theirs), "", markup=False)
    console.print(goals(ours, array.size), markup=False)
    copies = [got.copy_ms for got in ours.values()]
    console.print(
        f"{date.today()}: {array.size:,} standard normal float32 ({array.nbytes / 1e6:.2f} MB), "
        f"best of 40 or of 6 s; one copy took {min(copies):.1f} to {max(copies):.1f} ms; "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, numpy {np.__version__}",
        soft_wrap=True,
    )
    used = sorted({f"{row['library']} {row['version']}" for row in theirs if row["version"]})
    console.print(f"Beside {', '.join(used)}." if used else "", soft_wrap=True)


if __name__ == "__main__":
    main()
