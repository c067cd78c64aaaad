"""Flower's own programs on this machine: a SuperLink, SuperNodes, and an app run on them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

PROGRAMS = {
    name: shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    for name in ("flower-superlink", "flower-supernode", "flwr")
}
SECONDS = 120  # until everything is stopped, whatever happened

needs_programs = [
    pytest.mark.skipif(not all(PROGRAMS.values()), reason="Flower's programs are not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="sessions of processes are POSIX's"),
]

SETTINGS = """
[project]
name = "deployed"
version = "1.0.0"
description = "An app of the tests"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "fedlab"

[tool.flwr.app.components]
serverapp = "deployed:server"
clientapp = "deployed:client"

[tool.flwr.app.config]
out = ""
"""


def free_ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def running(folder, name, *arguments):
    """A program of Flower's; it and what it started is stopped at the end."""
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [PROGRAMS[name], "--insecure", *arguments],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=folder,
            env=environment(folder),
        )
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=15)
            stop_session(process.pid)
            process.wait()


def stop_session(leader):
    """Kill what a program left behind: its children are in its session."""
    listed = subprocess.run(["ps", "-eo", "pid=,sess="], capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        pid, session = map(int, line.split())
        if session == leader:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)


def environment(folder):
    return os.environ | {
        "FLWR_HOME": str(folder / "home"),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def deployed(folder, code):
    """Run an app of this code on a SuperLink and three SuperNodes; what its server wrote."""
    app, out = folder / "app", folder / "said.json"
    (folder / "home").mkdir()
    (app / "deployed").mkdir(parents=True)
    (app / "pyproject.toml").write_text(SETTINGS)
    (app / "deployed" / "__init__.py").write_text(code)
    link, *nodes = free_ports(4)
    address = f"127.0.0.1:{link}"
    (folder / "home" / "config.toml").write_text(
        f'[superlink.here]\naddress = "{address}"\ninsecure = true\n'
    )
    ends = time.monotonic() + SECONDS
    with ExitStack() as stack:
        superlink = ["--disable-runtime-dependency-installation", "--port", str(link)]
        stack.enter_context(running(folder, "flower-superlink", *superlink))
        for k, port in enumerate(nodes):
            config = f"partition-id={k} num-partitions={len(nodes)}"
            arguments = ["--superlink", address, "--port", str(port), "--node-config", config]
            stack.enter_context(running(folder, "flower-supernode", *arguments))
        wait_for_port(link, ends)
        submit(folder, app, f"out={str(out)!r}", ends)
        while not out.exists() or not out.read_text().endswith("}"):
            assert time.monotonic() < ends, "\n".join(logs(folder))
            time.sleep(0.2)
        return json.loads(out.read_text())


def submit(folder, app, config, ends):
    done = subprocess.run(
        [PROGRAMS["flwr"], "run", str(app), "here", "--run-config", config],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=max(ends - time.monotonic(), 1),
    )
    assert done.returncode == 0, done.stdout + done.stderr + "\n".join(logs(folder))


def wait_for_port(port, ends):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < ends
            time.sleep(0.2)


def logs(folder):
    return [path.read_text(errors="replace")[-3000:] for path in folder.glob("*.log")]
