"""Flower's own simulation engine: every client in a process that Ray runs."""

from __future__ import annotations

import importlib.util
import os

from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp


def run_under_ray(server_app: ServerApp, client_app: ClientApp, nodes: int) -> None:
    """Run the server in a thread and the clients in Ray's workers; Ray is stopped at the end."""
    if importlib.util.find_spec("ray") is None:
        raise ValueError("engine 'ray' needs Ray: pip install 'flwr[simulation]'")
    from flwr.simulation import run_simulation

    python_path = os.environ.get("PYTHONPATH")
    try:
        run_simulation(
            server_app,
            client_app,
            num_supernodes=nodes,
            backend_config={
                "init_args": {"log_to_driver": False, "logging_level": "ERROR"},
                "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            },
        )
    finally:  # Flower writes sys.path into it, for Ray's workers
        os.environ.pop("PYTHONPATH", None)
        if python_path is not None:
            os.environ["PYTHONPATH"] = python_path
