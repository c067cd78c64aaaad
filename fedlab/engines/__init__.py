"""Engines that run a ServerApp and its ClientApps: in this process, under Ray, or deployed.

All put the metering and the checking layer around the grid, guard the clients, and return the
ledger.
"""

import os

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # read when flwr is first imported
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default; quiet

from flwr.supercore import telemetry

from fedlab.engines.deployment import (
    Certificates,
    Deployment,
    DeploymentError,
    DeployResult,
    deploy,
    deployment,
)
from fedlab.engines.simulation import RunResult, simulate
from fedlab.engines.waiting import NotEnoughNodesError

telemetry.FLWR_TELEMETRY_ENABLED = os.environ["FLWR_TELEMETRY_ENABLED"]  # flwr came first

__all__ = [
    "Certificates",
    "DeployResult",
    "Deployment",
    "DeploymentError",
    "NotEnoughNodesError",
    "RunResult",
    "deploy",
    "deployment",
    "simulate",
]
