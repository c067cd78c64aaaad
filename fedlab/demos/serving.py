"""A Voilà server for the demos, on this machine alone; nothing of it outlives its block."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from fedlab.demos.catalogue import DemoError
from fedlab.demos.site import NAME, environment, write_site
from fedlab.keeper import Keeper
from fedlab.logs import one_line
from fedlab.ports import is_free
from fedlab.sizes import tensors_of

_HOST = "127.0.0.1"
_PORTS = range(8866, 8966)  # Voilà's own, and those after it
_START_SECONDS = 60.0
_PAUSE_SECONDS = 0.05
_VOILA = "voila"  # the program, by its name at the keeper
# A page that is closed ends its kernel. One that crashed cannot: a kernel to which nobody is
# connected, and that had nothing to do for so long, is ended.
_IDLE_SECONDS, _LOOK_EVERY_SECONDS = 120, 30


@dataclass(frozen=True)
class Server:
    """A server that is up. port: where. folder: what it lives in, until it ends."""

    port: int
    keeper: Keeper

    def address(self, name: str | None = None) -> str:
        """Of a demo's page, or of the page that lists them."""
        page = "" if name is None else f"voila/render/{name}.ipynb"
        return f"http://{_HOST}:{self.port}/{page}"

    def wait(self) -> None:
        """Wait for its end, which comes with an interrupt. Raises DemoError when it ends itself."""
        while self.keeper.statuses()[_VOILA] is None:
            time.sleep(0.5)
        raise _ended(self.keeper)


@contextmanager
def serving(model: str, port: int | None = None) -> Iterator[Server]:
    """Serve all demos until the block ends; the server is up when it begins.

    model: anything `size_of` takes by name. port: None takes the first free one from 8866 on.

    Raises what `size_of` raises for a model; DemoError when the port is in use, or Voilà does not
    answer within 60 s.
    """
    port = _free_port() if port is None else _checked(port)
    described = tensors_of(model)
    with Keeper() as keeper:
        pages = write_site(keeper.folder, described)
        keeper.start(_VOILA, _command(pages, port), environment(keeper.folder))
        _wait_until_up(keeper, port)
        yield Server(port, keeper)


def _command(pages: Path, port: int) -> list[str]:
    options = [
        f"--template={NAME}",
        f"--port={port}",
        "--Voila.port_retries=0",
        f"--Voila.ip={_HOST}",
        "--no-browser",
        "--classic-tree",  # its page is a template, so it can be ours
        "--VoilaConfiguration.extension_allowlist=anywidget",
        "--VoilaConfiguration.extension_allowlist=@jupyter-widgets/jupyterlab-manager",
        "--VoilaConfiguration.extension_allowlist=@voila-dashboards/widgets-manager8",
        f"--MappingKernelManager.cull_idle_timeout={_IDLE_SECONDS}",
        f"--MappingKernelManager.cull_interval={_LOOK_EVERY_SECONDS}",
    ]
    return [sys.executable, "-m", "voila", str(pages), *options]


def _wait_until_up(keeper: Keeper, port: int) -> None:
    ends = time.monotonic() + _START_SECONDS
    while not _answers(port):
        if keeper.statuses()[_VOILA] is not None:
            raise _ended(keeper)
        if time.monotonic() > ends:
            raise DemoError(f"Voilà did not answer within {_START_SECONDS:g} s; try again")
        time.sleep(_PAUSE_SECONDS)


def _answers(port: int) -> bool:
    """Whether the page that lists the demos is there. No proxy is asked, whatever is set."""
    connection = HTTPConnection(_HOST, port, timeout=10)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _ended(keeper: Keeper) -> DemoError:
    said = keeper.log(_VOILA).strip().splitlines() or ["nothing"]
    status = keeper.statuses()[_VOILA]
    return DemoError(f"Voilà ended with status {status}; it said last: {one_line(said[-1])}")


def _free_port() -> int:
    if port := next(filter(is_free, _PORTS), None):
        return port
    raise DemoError(
        f"all ports from {_PORTS[0]} to {_PORTS[-1]} are in use on this machine: "
        "name another one with --port"
    )


def _checked(port: int) -> int:
    if is_free(port):
        return port
    raise DemoError(
        f"port {port} is in use on this machine: name another one with --port, or leave it out to "
        f"take a free one from {_PORTS[0]} on"
    )
