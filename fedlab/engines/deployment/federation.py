"""A SuperLink and SuperNodes on this machine, each behind a metered hop."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fedlab.engines.deployment.error import with_log
from fedlab.engines.deployment.ports import checked_port, free_port
from fedlab.engines.deployment.result import DeployResult
from fedlab.engines.deployment.running import run_app
from fedlab.engines.deployment.submitting import Submitter, flower_environment, program
from fedlab.engines.deployment.tls import Certificates, check_pair, made_certificates, reach
from fedlab.keeper import Keeper
from fedlab.meters.exchanges import SERVER, Exchanges
from fedlab.meters.watched import WatchedGrowth
from fedlab.ports import is_open
from fedlab.progress import progress_bar
from fedlab.units import Bytes, whole_number

START_SECONDS = 120.0  # for a SuperLink and its SuperNodes to be ready
_LINK, _EXECUTOR = "superlink", "superexec"  # programs, by their names at the keeper
_PAUSE_SECONDS = 0.1
_NODE_ID = re.compile(r"SuperNode ID: (\d+)")


@contextmanager
def deployment(
    nodes: int = 2,
    *,
    tls: bool | Certificates = False,
    port: int | None = None,
    progress: bool = True,
) -> Iterator[Deployment]:
    """Start a SuperLink and SuperNodes on this machine; stop them, whatever happens.

    Each SuperNode, and the process in which ServerApps run, reaches the SuperLink through a port of
    a metering proxy of its own. The federation lives in a folder and a Flower home of its own; it
    ends with the block, also when this process is killed.

    nodes: how many SuperNodes; each gets `partition-id` (0 to nodes-1) and `num-partitions` in its
    node_config. tls: True makes certificates for this run; or your own. port: the SuperLink's; None
    takes a free one. progress: show a bar while it starts.

    Raises ValueError for nodes below 1; DeploymentError when the port is taken, a certificate is no
    good, or the federation is not ready within 120 s. Lesson 10 has an example.
    """
    nodes = whole_number(nodes, "nodes")
    port = free_port() if port is None else checked_port(port)
    if isinstance(tls, Certificates):
        check_pair(tls)
    with Keeper() as keeper:
        certificates = made_certificates(keeper.folder) if tls is True else tls or None
        federation = Deployment(keeper, nodes, port, certificates)
        federation._start(progress)
        try:
            yield federation
        finally:
            federation._link_growth.close()


class Deployment:
    """A federation that runs, for one app after the other. `deployment` makes it.

    nodes: how many SuperNodes. address: the SuperLink's own. authority: the file that its
    certificate can be checked with, None without TLS.
    """

    def __init__(
        self, keeper: Keeper, nodes: int, port: int, certificates: Certificates | None
    ) -> None:
        self.nodes = nodes
        self.address = f"127.0.0.1:{port}"
        self.authority = None if certificates is None else certificates.authority
        self._certificates = certificates
        self._keeper = keeper
        self._port = port
        self._hops: dict[str, str] = {}
        self._known: dict[str, int] = {}  # how many ids a SuperNode had before its last start

    def run(
        self,
        app: str | Path,
        *,
        run_config: dict[str, Any] | None = None,
        check: bool = True,
        weighted_by: str = "num-examples",
        timeout: float = 600.0,
        tell: Callable[[str], None] | None = None,
    ) -> DeployResult:
        """Run an app directory on this federation; what `deploy` says about it holds here."""
        return run_app(
            self._keeper,
            self._submitter,
            app,
            run_config=run_config or {},
            check=check,
            weighted_by=weighted_by,
            timeout=timeout,
            tell=tell,
            federation=self,
        )

    @property
    def wire(self) -> Exchanges:
        """Every request that passed on each hop until now."""
        return self._keeper.exchanges()

    @property
    def identities(self) -> dict[int, str]:
        """The hop of each SuperNode, by the node id that Flower gave it; a new one each start."""
        return {number: _hop(node) for node in range(self.nodes) for number in self._ids(node)}

    @property
    def lost(self) -> dict[int, str]:
        """The hop of each SuperNode that is no more, by its node id."""
        statuses = self._keeper.statuses()
        latest = {hop: node for node, hop in self.identities.items()}
        return {
            node: hop
            for node, hop in self.identities.items()
            if node != latest[hop] or statuses[hop] is not None
        }

    @property
    def link_peak(self) -> Bytes | None:
        """By how much the SuperLink's private memory has grown at most since it was ready."""
        return self._link_growth.peak

    @property
    def alive(self) -> int:
        """How many SuperNodes run."""
        return sum(map(self._runs, range(self.nodes)))

    def stop_node(self, node: int) -> None:
        """Kill a SuperNode and its ClientApp, as a power cut would.

        Raises ValueError for one that does not run.
        """
        self._expect(node, running=True)
        self._keeper.stop(_hop(node), kill=True)

    def start_node(self, node: int) -> None:
        """Start a SuperNode that has ended, and wait until the SuperLink knows it.

        Raises ValueError for one that runs.
        """
        self._expect(node, running=False)
        self._launch_node(node)
        self._wait_for_node(node, time.monotonic() + START_SECONDS)

    def check(self) -> None:
        """Raise DeploymentError when a part of the federation has ended that no run can miss."""
        for name, status in self._keeper.statuses().items():
            if name in (_LINK, _EXECUTOR) and status is not None:
                raise with_log(
                    f"Flower's {name} ended with status {status} while it was needed; start the "
                    "federation anew",
                    self._keeper.log(name),
                )

    def _start(self, progress: bool) -> None:
        ends = time.monotonic() + START_SECONDS
        given = self._certificates
        trust = ["--insecure"] if given is None else ["--root-certificates", str(given.authority)]
        own = trust[:1]
        if given is not None:
            own = ["--ssl-ca-certfile", str(given.authority)]
            own += ["--ssl-certfile", str(given.certificate), "--ssl-keyfile", str(given.key)]
        self._trust = trust
        link = self._launch(
            _LINK,
            *("flower-superlink", "--disable-runtime-dependency-installation"),
            *("--isolation", "process", "--port", str(self._port), *own),
        )
        self._wait_until(lambda: is_open(self._port), "does not listen", [_LINK], ends)
        reach(self.address, self.authority, insecure=given is None)
        self._hops = self._keeper.meter(self.address, [SERVER, *map(_hop, range(self.nodes))])
        self._launch(
            _EXECUTOR,
            *("flower-superexec", "--runtime-api-address", self._hops[SERVER], *trust),
        )
        for node in range(self.nodes):
            self._launch_node(node)
        with progress_bar(self.nodes, unit="SuperNode", shown=progress) as bar:
            for node in range(self.nodes):
                self._wait_for_node(node, ends)
                bar.update()
        self._link_growth = WatchedGrowth(link)
        self._submitter = Submitter(
            self._keeper, self.address, self.authority, insecure=given is None
        )

    def _launch(self, name: str, command: str, *arguments: str) -> int:
        home = self._keeper.folder / f"home of {name}"
        home.mkdir(exist_ok=True)
        return self._keeper.start(name, [program(command), *arguments], flower_environment(home))

    def _launch_node(self, node: int) -> None:
        hop = _hop(node)
        self._known[hop] = len(self._ids(node))
        about = f"partition-id={node} num-partitions={self.nodes}"
        self._launch(
            hop,
            *("flower-supernode", "--superlink", self._hops[hop], "--port", str(free_port())),
            *("--node-config", about, *self._trust),
        )

    def _runs(self, node: int) -> bool:
        return self._keeper.statuses()[_hop(node)] is None

    def _expect(self, node: int, *, running: bool) -> None:
        if node not in range(self.nodes) or self._runs(node) is not running:
            raise ValueError(
                f"node: expected one of the nodes from 0 to {self.nodes - 1} that "
                f"{'runs' if running else 'has ended'}, got {node!r}"
            )

    def _wait_for_node(self, node: int, ends: float) -> None:
        """Until it has been given its id; one that was started again gets another."""
        self._wait_until(
            lambda: len(self._ids(node)) > self._known[_hop(node)],
            "is not known to the SuperLink",
            [_hop(node), _LINK],
            ends,
        )

    def _ids(self, node: int) -> list[int]:
        return [int(number) for number in _NODE_ID.findall(self._keeper.log(_hop(node)))]

    def _wait_until(
        self, ready: Callable[[], bool], why_not: str, programs: list[str], ends: float
    ) -> None:
        name = programs[0]
        while not ready():
            for one in programs:
                if (status := self._keeper.statuses()[one]) is not None:
                    raise with_log(
                        f"Flower's {one} ended with status {status} at its start",
                        self._keeper.log(one),
                    )
            if time.monotonic() > ends:
                raise with_log(
                    f"Flower's {name} {why_not} after {START_SECONDS:g} s", self._keeper.log(name)
                )
            time.sleep(_PAUSE_SECONDS)


def _hop(node: int) -> str:
    """A SuperNode's hop, which is its name at the keeper too."""
    return f"node {node}"
