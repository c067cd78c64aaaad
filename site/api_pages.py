"""The API reference: a page a room, with the names it offers; the words are its docstrings."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.ext.autodoc.mock import mock

import fedlab

GROUPS = {
    "Predict": ["units", "sizes", "configs", "bandwidth", "memory", "framing", "transport"],
    "Measure": ["ledger", "records", "meters", "measure"],
    "Cut": ["codecs", "mods", "aggregators"],
    "Run": ["engines", "grids", "strategies", "models", "data", "trainers", "tff", "crossing"],
    "Learn and teach": ["exercises", "capstone", "plots", "widgets", "demos", "slides", "grading"],
}
BEHIND = "Behind the scenes"
LEFT_OUT = {"cli"}  # its reference is `fedlab --help`
_LONGEST = 72  # characters of a constant that are shown


def write_api(folder: Path, index: Path) -> None:
    """Write a page for each room into a folder, and a list of them for the page before."""
    folder.mkdir()
    parts = []
    for group, rooms in rooms_by_group().items():
        entries = []
        for room in rooms:
            module = _open(room)
            (folder / f"{room}.rst").write_text(_page(module), "utf-8")
            entries.append(f"- [`fedlab.{room}`](/api/{room}.rst): {_first_sentence(module)}")
        paths = [f"fedlab.{room} </api/{room}>" for room in rooms]
        toctree = ["```{toctree}", ":hidden:", "", *paths, "```"]
        parts += [f"## {group}", "", *entries, "", *toctree, ""]
    index.write_text("\n".join(parts), "utf-8")


def rooms_by_group() -> dict[str, list[str]]:
    """Every room of the library but what is left out; those no group names come last."""
    named = {room for rooms in GROUPS.values() for room in rooms} | LEFT_OUT
    others = sorted(room.name for room in pkgutil.iter_modules(fedlab.__path__))
    behind = [room for room in others if room not in named and not room.startswith("_")]
    return GROUPS | {BEHIND: behind}


def _open(room: str) -> ModuleType:
    if room != "tff":
        return importlib.import_module(f"fedlab.{room}")
    # Its own environment's packages are not in this one; `quiet` would silence this process's log.
    with mock(["tensorflow", "tensorflow_federated", "portpicker", "fedlab.tff.quiet"]):
        return importlib.import_module("fedlab.tff")


def _first_sentence(module: ModuleType) -> str:
    first = (inspect.getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")
    return first.partition(". ")[0].rstrip(".")


def _page(module: ModuleType) -> str:
    title = module.__name__
    head = [title, "=" * len(title), "", f".. automodule:: {title}", ""]
    head += [f".. py:currentmodule:: {title}", ""]
    return "\n".join([*head, *(line for name in names(module) for line in _entry(module, name))])


def names(module: ModuleType) -> list[str]:
    """What a room offers: its `__all__`, or the public classes and functions it defines, in order.

    >>> import fedlab.bandwidth
    >>> names(fedlab.bandwidth)
    ['FederatedRun']
    """
    if hasattr(module, "__all__"):
        return list(module.__all__)
    tree = ast.parse(inspect.getsource(module))
    kinds = (ast.ClassDef, ast.FunctionDef)
    found = [node.name for node in tree.body if isinstance(node, kinds)]
    return [name for name in dict.fromkeys(found) if not name.startswith("_")]


def _entry(module: ModuleType, name: str) -> Iterator[str]:
    thing = getattr(module, name)
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        yield from [f".. {kind}:: {name}", "   :members:"]
        if thing.__bases__ != (object,):
            yield "   :show-inheritance:"
        yield f"   :inherited-members: {', '.join(_told_elsewhere(module, thing))}"
    elif inspect.isroutine(thing):
        yield f".. autofunction:: {name}"
    else:
        value = repr(thing)
        shown = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
        yield from [f".. py:data:: {name}", f"   :value: {shown}"]
    yield ""


def _told_elsewhere(module: ModuleType, kind: type[Any]) -> list[str]:
    """The bases whose members are not repeated: other packages', and those on the same page."""
    own = set(names(module))
    return [
        base.__name__
        for base in kind.__mro__[1:]
        if base.__name__ in own or not base.__module__.startswith("fedlab.")
    ]
