"""The folder that Voilà serves: a notebook of one cell a demo, its page's look, and its kernel.

Everything is written for one run into a folder of its own, which is deleted with it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fedlab.demos.catalogue import CATALOGUE, Entry
from fedlab.sizes import TensorSpec

NAME = "fedlab-demo"  # of the template and of the kernel: found nowhere else on Jupyter's paths
_LOOK = Path(__file__).parent / "look"  # Voilà's template


def write_site(folder: Path, model: Sequence[TensorSpec]) -> Path:
    """Write everything below `folder`; the folder of the notebooks.

    model: its tensors, described once for all pages: kernels run in another folder than the user,
    and need neither the network nor torch to size it again.
    """
    pages = folder / "pages"
    pages.mkdir()
    described = pages / "model.json"
    described.write_text(json.dumps([asdict(spec) for spec in model]), "utf-8")
    for entry in CATALOGUE:
        notebook = json.dumps(_notebook(entry, described))
        (pages / f"{entry.name}.ipynb").write_text(notebook, "utf-8")
    look = folder / "data" / "voila" / "templates" / NAME
    shutil.copytree(_LOOK, look)
    listed = [
        {"name": entry.name, "title": entry.title, "question": entry.question}
        for entry in CATALOGUE
    ]
    (look / "demos.j2").write_text(f"{{% set demos = {json.dumps(listed)} %}}", "utf-8")
    kernel = folder / "data" / "kernels" / NAME
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": NAME, "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), "utf-8")
    return pages


def environment(folder: Path) -> dict[str, str]:
    """What keeps Voilà and its kernels out of the user's Jupyter, and their leftovers in `folder`.

    An empty value hides one of the user's.
    """
    temporary = folder / "tmp"
    temporary.mkdir()
    return {
        "JUPYTER_NO_CONFIG": "1",
        "JUPYTER_PATH": "",
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONSTARTUP": "",  # a kernel would run it
        "TQDM_DISABLE": "1",
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)),
    }


def _notebook(entry: Entry, described: Path) -> dict[str, Any]:
    source = f"from fedlab.demos.page import page\npage({entry.name!r}, {os.fspath(described)!r})"
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": entry.name,
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
    kernel = {"name": NAME, "display_name": NAME, "language": "python"}
    metadata = {"title": entry.title, "kernelspec": kernel}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]}
