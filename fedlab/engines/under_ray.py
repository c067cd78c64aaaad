"""Flower's own simulation engine: every client in a process that Ray runs, here or on a cluster."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

from fedlab.logs import one_line

SECONDS = 60  # until a cluster has answered; Ray itself would wait for a quarter of an hour
_JOIN = "import sys, ray; ray.init(sys.argv[1], log_to_driver=False, logging_level='ERROR')"
_BRIEFLY = {"RAY_NUM_REDIS_GET_RETRIES": "1", "RAY_py_gcs_connect_timeout_s": "5"}


def run_under_ray(
    server_app: ServerApp, client_app: ClientApp, nodes: int, address: str | None = None
) -> None:
    """Run the server in a thread of this process and the clients in Ray's workers.

    address: of the cluster whose workers these are; it goes on when the run has ended. None starts
    Ray here, and stops it at the end. Raises ValueError where Ray is not installed, ConnectionError
    when the cluster cannot be joined.
    """
    if importlib.util.find_spec("ray") is None:
        raise ValueError(f"engine 'ray' needs Ray: {_remedy()}")
    if address is not None:
        reach(address)
    from flwr.simulation import run_simulation

    python_path = os.environ.get("PYTHONPATH")
    try:
        run_simulation(
            server_app,
            client_app,
            num_supernodes=nodes,
            backend_config={
                "init_args": {
                    # without "local", Ray would join a cluster that it finds on this machine
                    "address": "local" if address is None else address,
                    "log_to_driver": False,
                    "logging_level": "ERROR",
                },
                "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            },
        )
    finally:  # Flower writes sys.path into it, for Ray's workers
        os.environ.pop("PYTHONPATH", None)
        if python_path is not None:
            os.environ["PYTHONPATH"] = python_path


def _remedy() -> str:
    if sys.platform == "win32" and sys.version_info >= (3, 13):
        return "on Windows it is for Python 3.12 and older; use one of them, or 'in-process'"
    return "pip install 'flwr[simulation]'"


def reach(address: str) -> None:
    """Join the cluster at `address` and leave it again; a ConnectionError says why that fails.

    In a process of its own: Ray waits long for what does not answer, and has no timeout.
    """
    import ray

    if ray.is_initialized():
        raise ConnectionError(
            f"address: Ray already runs in this process, and cannot join {address!r} too; "
            "call ray.shutdown() first"
        )
    try:
        tried = subprocess.run(
            [sys.executable, "-c", _JOIN, address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=SECONDS,
            env=os.environ | _BRIEFLY,
        )
    except subprocess.TimeoutExpired:
        why = f"no answer within {SECONDS} s"
    else:
        if tried.returncode == 0:
            return
        said = tried.stderr.split("\n")
        why = one_line(next((line for line in reversed(said) if line.strip()), "no reason given"))
    raise ConnectionError(
        f"address: expected a Ray cluster to join at {address!r}: {why}; start one there with "
        "'ray start --head', and give the address that it prints, or \"auto\" on its own machines"
    )
