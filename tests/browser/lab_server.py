"""A JupyterLab server for tests: its own port, folders and token, nothing left behind."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest


@dataclass(frozen=True)
class Lab:
    """A running server: where it answers, and the folder it serves."""

    url: str
    token: str
    root: Path

    def ask(self, path, method="GET"):
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def stop_kernels(self):
        for session in self.ask("/api/sessions"):
            self.ask(f"/api/sessions/{session['id']}", "DELETE")


@contextmanager
def running_lab(home):
    """JupyterLab on a free port, with folders of its own: nothing of the user's is read or kept."""
    root = home / "root"
    root.mkdir()
    config = home / "config" / "labconfig"
    config.mkdir(parents=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (config / "page_config.json").write_text(json.dumps(quiet), encoding="utf-8")
    port = free_port()
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(), root)
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={lab.token}",
        "--LabApp.expose_app_in_browser=True",
    ]
    log = home / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *options],
            env=os.environ | {name: str(home / folder) for name, folder in own.items()},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_up(lab, server, log)
        yield lab
    finally:
        stop(server)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_up(lab, server, log):
    deadline = time.monotonic() + 60
    while True:
        try:
            return lab.ask("/api/status")
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                said = log.read_text("utf-8").strip().splitlines() or ["nothing"]
                pytest.fail(
                    f"JupyterLab did not answer at {lab.url}; it said last: {said[-1]}; "
                    f"run the test again, or read {log}",
                    pytrace=False,
                )
            time.sleep(0.1)


def stop(server):
    """End the server and whatever it started; kernels are no part of its process group."""
    try:
        family = psutil.Process(server.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)  # it ends its kernels first
    try:
        server.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    _, left = psutil.wait_procs(family, timeout=5)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=5)
