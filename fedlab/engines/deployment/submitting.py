"""Submitting an app to a SuperLink with Flower's own command, and reading what comes back."""

from __future__ import annotations

import json
import os
import re
import shutil
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import getproxies_environment

import tomli_w

from fedlab.engines.deployment.book import entry_in
from fedlab.engines.deployment.error import DeploymentError, with_log
from fedlab.keeper import Keeper
from fedlab.logs import clean

CONNECTION = "fedlab"  # its name in the configuration
_PAUSE_SECONDS = 0.1
_COMMAND_SECONDS = 60.0  # for Flower's small commands
_STARTED = re.compile(r"Successfully started run (\d+)")


class Finished(NamedTuple):
    """A run that has ended: Flower's row about it, and the lines of its log."""

    about: dict[str, Any]
    log: list[str]


def program(name: str) -> str:
    """Where one of Flower's programs is. Raises DeploymentError where there is none."""
    if (found := shutil.which(name, path=_scripts()) or shutil.which(name)) is None:
        raise DeploymentError(f"{name} is not installed: pip install 'flwr[simulation]'")
    return found


def _scripts() -> str:
    """The folders where pip puts programs, as PATH has them: on Windows they may not be on it."""
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    return os.pathsep.join(sysconfig.get_path("scripts", scheme) for scheme in schemes)


def flower_environment(home: Path) -> dict[str, str]:
    """Variables for Flower's programs: a home of their own, no calls home, our programs first."""
    direct = ",".join(filter(None, [getproxies_environment().get("no"), "127.0.0.1"]))
    return {
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "PATH": f"{_scripts()}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": direct,  # Flower's requests go through the network's HTTP proxy otherwise
        "no_proxy": direct,
    }


class Submitter:
    """Speaks with one SuperLink through the command `flwr`, started by a keeper."""

    def __init__(
        self, keeper: Keeper, address: str, authority: Path | None, *, insecure: bool
    ) -> None:
        self._keeper = keeper
        self._home = keeper.folder / "submitter"
        self._count = 0
        connection: dict[str, Any] = {"address": address, "insecure": insecure}
        if authority is not None:
            connection["root-certificates"] = str(authority)
        self._home.mkdir()
        settings = tomli_w.dumps({"superlink": {"default": CONNECTION, CONNECTION: connection}})
        (self._home / "config.toml").write_text(settings, "utf-8")

    def run(
        self,
        app: Path,
        run_config: dict[str, Any],
        timeout: float,
        watch: Callable[[], None],
        tell: Callable[[str], None],
    ) -> Finished:
        """Submit, hand on each line of the log, and wait for the end of the run.

        watch: called again and again; what it raises ends the waiting. timeout: seconds. However
        the waiting ends early, the run is stopped.
        """
        config = app.parent / f"{app.name}.toml"
        config.write_text(tomli_w.dumps(run_config), "utf-8")
        chosen = ["--run-config", str(config)] if run_config else []
        name = self._start("run", str(app), CONNECTION, "--stream", *chosen)
        log: list[str] = []
        try:
            for line in self._lines(name, timeout, watch):
                log.append(line)
                if not entry_in(line):
                    tell(line)
        except BaseException:
            self._keeper.stop(name, kill=True)
            self._stop_run(log)
            raise
        status = self._keeper.statuses()[name]
        if (number := _run_id(log)) is None:
            raise with_log(
                f"Flower did not take the app (flwr run ended with {status})", "\n".join(log)
            )
        (about,) = json.loads(
            self._said("list", CONNECTION, "--run-id", number, "--format", "json")
        )["runs"]
        return Finished(about, log)

    def _start(self, *arguments: str) -> str:
        self._count += 1
        name = f"flwr-{self._count}-{arguments[0]}"
        self._keeper.start(name, [program("flwr"), *arguments], flower_environment(self._home))
        return name

    def _lines(self, name: str, seconds: float, watch: Callable[[], None]) -> Iterator[str]:
        """The lines of a command's log as they come, until it ends."""
        ends = time.monotonic() + seconds
        seen = 0
        while True:
            ended = self._keeper.statuses()[name] is not None
            text = self._keeper.log(name)
            whole = len(text) if ended else text.rfind("\n") + 1
            for line in clean(text[seen:whole]).splitlines():
                yield line.rstrip()
            seen = whole
            if ended:
                return
            watch()
            if time.monotonic() > ends:
                raise with_log(
                    f"flwr {name.rpartition('-')[2]} took longer than {seconds:g} s and was "
                    "stopped; raise timeout if it needs longer",
                    text,
                )
            time.sleep(_PAUSE_SECONDS)

    def _said(self, *arguments: str) -> str:
        """What one of Flower's small commands prints."""
        name = self._start(*arguments)
        lines = list(self._lines(name, _COMMAND_SECONDS, lambda: None))
        text = "\n".join(lines)
        if self._keeper.statuses()[name] != 0:
            raise with_log(f"flwr {arguments[0]} failed", text)
        return text

    def _stop_run(self, log: list[str]) -> None:
        if (number := _run_id(log)) is not None:
            with suppress(DeploymentError):  # it is out of reach, or the run has just ended
                self._said("stop", number, CONNECTION)


def _run_id(log: list[str]) -> str | None:
    found = _STARTED.search("\n".join(log))
    return found.group(1) if found else None
