"""The owner's side of a keeper."""

from __future__ import annotations

import itertools
import json
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from fedlab.keeper.belongings import end
from fedlab.meters import Exchanges

_ANSWER_SECONDS = 30.0
_STOPPED_SECONDS = 30.0


class KeeperError(RuntimeError):
    """The keeper did not do what it was asked."""


class Keeper:
    """Programs that end with the block, whatever happens to this process meanwhile.

    folder: theirs, deleted at the end; each one's output is in NAME.log there. Every request raises
    KeeperError when the keeper has ended, does not answer, or could not do it.

    >>> with Keeper() as keeper:
    ...     pid = keeper.start("say", [sys.executable, "-c", "print('hello')"])
    ...     while keeper.statuses()["say"] is None:
    ...         pass
    ...     keeper.log("say")
    'hello\\n'
    """

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._one_at_a_time = threading.Lock()
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self.folder = Path()

    def __enter__(self) -> Keeper:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fedlab.keeper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interrupt from the keyboard is not for the keeper
        )
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.folder = Path(self._ask("folder"))
        except BaseException:
            self.close()
            raise
        return self

    def start(
        self, name: str, command: Sequence[str], environment: dict[str, str] | None = None
    ) -> int:
        """Start a program under this name, with these variables on top of ours; its process id.

        Raises KeeperError when it cannot be started.
        """
        started = self._ask(
            "start", name=name, command=list(command), environment=environment or {}
        )
        return int(started)

    def statuses(self) -> dict[str, int | None]:
        """By name: the exit status of a program that has ended, None for one that runs."""
        return dict(self._ask("statuses"))

    def stop(self, name: str, *, kill: bool = False) -> None:
        """End a program and what it started: asked to, or killed."""
        self._ask("stop", name=name, kill=kill)

    def meter(self, upstream: str, hops: Sequence[str]) -> dict[str, str]:
        """Put a metering proxy before an address; the address of each hop's own port."""
        return dict(self._ask("meter", upstream=upstream, hops=list(hops)))

    def exchanges(self) -> Exchanges:
        """What passed the metering proxy until now."""
        (recorded,) = self._ask("exchanges")
        return Exchanges.from_json(recorded)

    def log(self, name: str) -> str:
        """What a program has said so far; empty when it never ran."""
        path = self.folder / f"{name}.log"
        return path.read_text("utf-8", errors="replace") if path.exists() else ""

    def close(self) -> None:
        """Stop everything. Safe to call twice."""
        if (process := self._process) is None:
            return
        self._process = None
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(timeout=_STOPPED_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.returncode and self.folder != Path():  # killed: its work is left to us
            end(str(self.folder))
            shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, what: str, **about: Any) -> Any:
        with self._one_at_a_time:
            return self._answer(what, **about)

    def _answer(self, what: str, **about: Any) -> Any:
        process = self._process
        if process is None or process.stdin is None:
            raise KeeperError("the keeper is closed")
        number = next(self._numbers)
        with suppress(OSError):  # it has ended: the next line says so
            process.stdin.write(json.dumps({"number": number, "do": what, **about}) + "\n")
            process.stdin.flush()
        while True:
            try:
                line = self._answers.get(timeout=_ANSWER_SECONDS)
            except queue.Empty:
                raise KeeperError(
                    f"the keeper did not answer {what!r} within {_ANSWER_SECONDS:g} s"
                ) from None
            if not line:
                self._answers.put("")
                raise KeeperError(f"the keeper ended with status {process.wait()}")
            answer = json.loads(line)
            if answer["number"] != number:  # of a question that was interrupted
                continue
            if "error" in answer:
                raise KeeperError(answer["error"])
            return answer["answer"]

    def _listen(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        with process.stdout as answers:
            for line in answers:
                self._answers.put(line)
        self._answers.put("")
