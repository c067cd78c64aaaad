"""The keeper's own process: `python -m fedlab.keeper`.

One request a line on standard input, one answer a line on standard output, both JSON:
{"number": 3, "do": "start", …} and {"number": 3, "answer": …} or {"number": 3, "error": "…"}.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from fedlab.keeper.belongings import MARK, end
from fedlab.meters import MeteringProxy

_STOP_SECONDS = 5.0  # from being asked to end to being killed
_SPEECH = {"PYTHONIOENCODING": "utf-8"}  # of the logs; on Windows a file gets another by default


class _Programs:
    """What was started here, by name, and the proxy that stands between."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._proxies: list[MeteringProxy] = []

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> int:
        """Start a program; what it says goes into NAME.log. Its process id."""
        with (Path(self.folder) / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=os.environ | _SPEECH | environment | {MARK: self.folder},
            )
        return self._running[name].pid

    def statuses(self) -> dict[str, int | None]:
        """How each program ended, or None for one that runs."""
        return {name: process.poll() for name, process in self._running.items()}

    def stop(self, name: str, kill: bool) -> None:
        """End one program, and the processes that it started."""
        process = self._running[name]
        family: list[psutil.Process] = []
        if process.poll() is None:
            with suppress(psutil.Error):
                family = psutil.Process(process.pid).children(recursive=True)
        for one in (process, *family):
            with suppress(psutil.Error):
                one.kill() if kill else one.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_STOP_SECONDS)
        _, left = psutil.wait_procs(family, timeout=_STOP_SECONDS)
        for one in (process, *left):
            with suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(left, timeout=_STOP_SECONDS)
        process.wait()

    def meter(self, upstream: str, hops: list[str]) -> dict[str, str]:
        """Put a metering proxy before an address; the address of each hop."""
        proxy = MeteringProxy(upstream, hops)
        proxy.__enter__()
        self._proxies.append(proxy)
        return dict(proxy.addresses)

    def exchanges(self) -> Any:
        """What passed the proxy until now."""
        return [proxy.snapshot().as_json() for proxy in self._proxies]

    def end(self) -> None:
        """Stop everything, and leave nothing."""
        end(self.folder)
        for process in self._running.values():
            process.wait()
        for proxy in self._proxies:
            proxy.__exit__(None, None, None)


def main() -> None:
    """Answer until standard input closes; then stop everything and delete the folder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the owner gets it too, and closes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    answers = sys.stdout
    sys.stdout = sys.stderr
    folder = tempfile.mkdtemp(prefix="fedlab-")
    programs = _Programs(folder)
    can: dict[str, Callable[..., Any]] = {
        "folder": lambda: folder,
        "start": programs.start,
        "statuses": programs.statuses,
        "stop": programs.stop,
        "meter": programs.meter,
        "exchanges": programs.exchanges,
    }
    try:
        for line in sys.stdin:
            request = json.loads(line)
            answer: dict[str, Any] = {"number": request.pop("number")}
            try:
                answer["answer"] = can[request.pop("do")](**request)
            except Exception as error:
                answer["error"] = f"{type(error).__name__}: {error}"
            print(json.dumps(answer), file=answers, flush=True)
    except BrokenPipeError:  # the owner is gone
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        programs.end()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)  # without flushing into a pipe that nobody reads


if __name__ == "__main__":
    main()
