"""deploy: one app on a real federation, on this machine or elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fedlab.engines.deployment.apps import check_app
from fedlab.engines.deployment.federation import deployment
from fedlab.engines.deployment.result import DeployResult
from fedlab.engines.deployment.running import run_app
from fedlab.engines.deployment.submitting import Submitter
from fedlab.engines.deployment.tls import Certificates, reach
from fedlab.keeper import Keeper


def deploy(
    app: str | Path,
    *,
    nodes: int = 2,
    superlink: str | None = None,
    tls: bool | Certificates = False,
    port: int | None = None,
    run_config: dict[str, Any] | None = None,
    check: bool = True,
    weighted_by: str = "num-examples",
    timeout: float = 600.0,
    tell: Callable[[str], None] | None = None,
) -> DeployResult:
    """Run a Flower app directory on Flower's own distributed engine, metered hop by hop.

    By default on this machine: `deployment(nodes, tls=tls, port=port)` starts a SuperLink and
    SuperNodes for this run, and stops them whatever happens. Or on a federation that already runs:
    superlink is its address, "host:port"; its ServerApps' host needs fedlab installed, since the
    ledger is written there; what its hops carry is out of sight from here, and `wire` is empty.

    app: a directory with a pyproject.toml that has [tool.flwr.app]; a copy of it runs, with the
    same ServerApp and ClientApp behind the layers that `simulate` puts around the grid. check,
    weighted_by: as in `simulate`; check=False adds the metering layer alone. run_config: in place
    of values in the app's [tool.flwr.app.config]. tls: True makes certificates for the run, or
    expects ones that this machine trusts when joining; or your own `Certificates`. timeout: seconds
    for the run. tell: called with each line of Flower's log as it comes, as print is; None shows
    a progress bar.

    A client that fails or vanishes is in `ledger.failures`, not an exception. Flower takes a
    SuperNode for lost after a minute without a heartbeat.

    Raises DeploymentError, in one sentence with the end of the log in question, for a directory
    that is no app, an app that fails, a port in use, a certificate that is no good, a federation
    that cannot be reached or that ends, and a run that takes longer than timeout;
    NotEnoughNodesError when the strategy waits for nodes that will not come; ValueError for other
    arguments that are none.

    Lesson 10 deploys an app that comes with the course: `deploy("lessons/apps/pythia", nodes=2)`.
    """
    if not timeout > 0:
        raise ValueError(f"timeout: expected seconds above 0, got {timeout!r}")
    settings: dict[str, Any] = {
        "run_config": run_config or {},
        "check": check,
        "weighted_by": weighted_by,
        "timeout": timeout,
        "tell": tell,
    }
    check_app(Path(app).expanduser(), run_config or {})  # before anything is started for it
    if superlink is None:
        with deployment(nodes, tls=tls, port=port, progress=tell is None) as federation:
            return federation.run(app, **settings)
    if port is not None:
        raise ValueError(
            "expected superlink or port, got both: port is of one that is started here"
        )
    authority = tls.authority if isinstance(tls, Certificates) else None
    reach(superlink, authority, insecure=not tls)
    with Keeper() as keeper:
        submitter = Submitter(keeper, superlink, authority, insecure=not tls)
        return run_app(keeper, submitter, app, federation=None, **settings)
