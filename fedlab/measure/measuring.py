"""measure: an app as it is, on a real federation, and its bill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedlab.measure.report import MeasureReport, is_of
from fedlab.measure.settings import ROUNDS, with_rounds

if TYPE_CHECKING:
    from fedlab.engines import Certificates, DeployResult


def measure(
    app: str | Path,
    *,
    nodes: int | None = None,
    rounds: int | None = None,
    run_config: Mapping[str, Any] | None = None,
    superlink: str | None = None,
    tls: bool | Certificates = False,
    timeout: float = 600.0,
    tell: Callable[[str], None] | None = None,
) -> MeasureReport:
    """Run a Flower app directory as it is on a real federation, and make up its bill.

    nodes: how many SuperNodes to start on this machine; 2 when None. superlink: in place of that,
    the address of a federation to join, whose nodes are then those that the app spoke with. rounds:
    in place of the app's own `num-server-rounds`. run_config, tls, timeout, tell: as `deploy` takes
    them.

    Raises what `deploy` raises, and ValueError for rounds that the app has no key for. The command
    `fedlab measure APP` prints the report.
    """
    if superlink is not None and nodes is not None:
        raise ValueError(
            "expected nodes or superlink, got both: a federation that is joined has its own nodes"
        )
    from fedlab.engines import deploy
    from fedlab.engines.deployment.apps import config_of

    directory = Path(app).expanduser()
    config = config_of(directory)
    wanted = with_rounds(run_config or {}, rounds, config)
    started = 2 if nodes is None else nodes
    result = deploy(
        directory,
        nodes=started,
        superlink=superlink,
        tls=tls,
        run_config=wanted,
        check=False,
        timeout=timeout,
        tell=tell,
    )
    asked = (config | wanted).get(ROUNDS)
    if type(asked) is not int or asked < 1:
        asked = _rounds_run(result)
    there = started if superlink is None else len({t.node for t in result.ledger}) or 1
    return MeasureReport(directory.resolve().name, there, asked, result)


def _rounds_run(result: DeployResult) -> int:
    """The rounds that were trained in; of an app that does not number them, a node's messages."""
    sent = [t for t in result.ledger if is_of(t, "train", "down")]
    numbers = {t.round for t in sent} - {0}
    each = [sum(t.node == node for t in sent) for node in {t.node for t in sent}]
    return len(numbers) or max(each, default=1)
