"""One notebook's run, in a process of its own: `python -m fedlab.grading` in a job's folder.

It reads the folder's job.json, a `Job`, and writes report.json, a `Report`. Cells' outputs are not
kept: a cell that prints without end costs no memory here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from jupyter_client.manager import KernelManager

from fedlab.exercises import record
from fedlab.grading.job import JOB, LESSON, REPORT, Job, Report

_LOOK_SECONDS = 1.0  # between two looks at whether the kernel lives
_END_SECONDS = 10.0  # that what a kernel has started is given to end


class _LateError(Exception):
    """The time is over."""


class _DiedError(Exception):
    """The kernel's process has ended."""


def run(job: Job, folder: Path) -> Report:
    """Run every cell, those after one that raised too, until the kernel dies or time is over."""
    report, ends = Report(), time.monotonic() + job.limit_seconds
    manager = _manager(job.kernel)
    manager.start_kernel(
        cwd=str(folder / LESSON), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client: BlockingKernelClient = manager.blocking_client()
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    try:
        _reply(client, manager, client.kernel_info(), ends)
        for report.at, source in enumerate(job.cells):
            asked = client.execute(source, allow_stdin=False, stop_on_error=False)
            answer = _reply(client, manager, asked, ends)
            if answer["status"] != "ok":
                said = f"{answer.get('ename', 'an error')}: {answer.get('evalue', '')}"
                report.raised.append((report.at, said[:200]))
            if any(one.get("source") == "ask_exit" for one in answer.get("payload", ())):
                raise _DiedError  # an `exit()`: it has answered, and is about to end
    except _LateError:
        report.status = "time limit"
    except _DiedError:
        report.status = "crashed"
    finally:
        client.stop_channels()
        _end(manager)
    report.states = dict(record.read().checked)
    return report


def _manager(kernel: str) -> KernelManager:
    """Of a kernel of this environment; "python3" elsewhere on the machine may be another Python."""
    ours = [str(Path(sys.prefix) / "share" / "jupyter" / "kernels")] if kernel else []
    specs = KernelSpecManager(kernel_dirs=ours)
    return KernelManager(kernel_name=kernel or NATIVE_KERNEL_NAME, kernel_spec_manager=specs)


def _reply(
    client: BlockingKernelClient, manager: KernelManager, asked: str, ends: float
) -> dict[str, Any]:
    while True:
        wait = min(_LOOK_SECONDS, ends - time.monotonic())
        if wait <= 0:
            raise _LateError
        try:
            message = client.get_shell_msg(timeout=wait)
        except Empty:
            if not manager.is_alive():
                raise _DiedError from None
            continue
        if message["parent_header"].get("msg_id") == asked:
            content: dict[str, Any] = message["content"]
            return content


def _end(manager: KernelManager) -> None:
    """End the kernel and what it has started: asked to, so that it can tidy up, then killed."""
    family: list[psutil.Process] = []
    pid = getattr(manager.provisioner, "pid", None)
    with suppress(psutil.Error):
        family = psutil.Process(pid).children(recursive=True) if pid else []
    manager.shutdown_kernel(now=True)
    for one in family:
        with suppress(psutil.Error):
            one.terminate()
    _, left = psutil.wait_procs(family, timeout=_END_SECONDS)
    for one in left:
        with suppress(psutil.Error):
            one.kill()


def main() -> None:
    """Do the job of this folder."""
    folder = Path.cwd()
    job = Job(**json.loads((folder / JOB).read_text("utf-8")))
    (folder / REPORT).write_text(json.dumps(asdict(run(job, folder))), "utf-8")


if __name__ == "__main__":
    main()
