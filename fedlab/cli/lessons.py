"""fedlab lessons: JupyterLab at the first one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from fedlab.cli.console import examples, out

EXAMPLES = examples(
    "fedlab lessons", "fedlab lessons my-course --no-browser", "fedlab lessons my-course --copy"
)


def lessons(
    folder: Annotated[Path, typer.Argument()] = Path("fedlab-lessons"),
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
    copy: Annotated[
        bool, typer.Option("--copy", help="Only make your copy; Colab and others open it.")
    ] = False,
) -> None:
    """Open JupyterLab at lesson 00.

    In a clone these are the lessons of the clone. Where fedlab is installed from a wheel, they are
    copied into FOLDER first, fedlab-lessons if not given; what is there already is kept.
    """
    from fedlab.paths import copied_lessons

    home = copied_lessons(folder)
    if copy:
        out.print(f"lessons in {home}", markup=False, highlight=False, soft_wrap=True)
        return
    command = [sys.executable, "-m", "jupyter", "lab", "-y", f"--ServerApp.root_dir={home}"]
    command.append("--LabApp.default_url=/lab/tree/00_check_your_setup.ipynb")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container one is root, and Jupyter would refuse
    if not browser:
        command.append("--no-browser")
    out.print(f"lessons in {home}; Ctrl-C stops JupyterLab")
    with subprocess.Popen(command) as jupyter:
        while True:
            try:
                raise typer.Exit(jupyter.wait())
            except KeyboardInterrupt:
                continue  # JupyterLab got it too, and is stopping its kernels
