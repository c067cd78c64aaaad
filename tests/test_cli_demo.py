"""fedlab demo: what it refuses, what it serves, and that nothing of it is left."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from app_directories import SECONDS, assert_gone, kept_below, soon

from fedlab import cli
from fedlab.demos import CATALOGUE, DemoError
from fedlab.demos import serving as room
from fedlab.demos.serving import serving
from fedlab.keeper.belongings import belongings
from fedlab.ports import is_free

NAMES = [entry.name for entry in CATALOGUE]
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX are sent")


@pytest.fixture
def refused(monkeypatch, capsys):
    """Run `fedlab demo …`, which must refuse in one sentence before anything starts."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fedlab", "demo", *arguments])
        monkeypatch.setattr("fedlab.demos.serving.Keeper", lambda: pytest.fail("started"))
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert (ended.value.code, captured.out) == (2, "")
        return captured.err

    return run


@pytest.fixture
def taken():
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("FEDLAB_CACHE", str(tmp_path))
    return tmp_path


# --- what it refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bandwith", "did you mean bandwidth? "),
        ("Server-Memory", "did you mean server-memory? "),
        ("rounds", "did you mean round? "),
        ("nosuch", ""),
        ("", ""),
    ],
)
def test_a_name_that_does_not_exist_lists_those_that_do_and_names_the_closest(refused, name, hint):
    sentence = f"fedlab: unknown demo {name!r}: {hint}expected one of {', '.join(NAMES)}\n"
    assert refused(name) == sentence


def test_a_port_in_use_is_said_with_what_to_do(refused, taken):
    said = refused("bandwidth", "--port", str(taken))
    assert f"fedlab: port {taken} is in use on this machine: name another one" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_what_is_no_port_is_refused(refused, port):
    assert "--port" in refused("bandwidth", "--port", port)


def test_a_demo_that_is_not_made_from_a_model_takes_none(refused):
    assert "compression is not made from a model" in refused("compression", "--model", "gpt2")


@pytest.mark.parametrize(
    ("model", "said"),
    [("pythia", "did you mean pythia-1b?"), ("missing.safetensors", "No such file")],
)
def test_a_model_that_cannot_be_sized_is_refused(refused, model, said):
    assert said in refused("bandwidth", "--model", model)


def test_without_its_data_the_compression_demo_says_how_to_fetch_them(refused, empty_cache):
    said = refused("compression")
    assert "python -m fedlab.data mnist" in said
    assert said.count("\n") == 1


def test_its_help_names_the_demos_and_shows_examples(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fedlab", "demo", "--help"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    assert [name for name in NAMES if name not in said] == []
    assert "fedlab demo bandwidth" in said


# --- the server ----------------------------------------------------------------------------------


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def asked(url):
    """A page's answer, which comes as its cell runs."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return direct.open(url, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        return error


def got(url):
    """Status and text of a page."""
    with asked(url) as answer:
        text, ends = b"", time.monotonic() + 2 * SECONDS
        while chunk := answer.read1():  # Voilà says every 10 s that it is still there
            text += chunk
            assert time.monotonic() < ends, text
        return answer.status, text.decode()


def outputs(html):
    """What a page's cell showed."""
    found = re.findall(r'cell-output\+json">(.*?)</script>', html, re.DOTALL)
    return [json.loads(output) for output in found]


def listening(process):
    """The addresses at which a process and its children can be reached."""
    family = [process, *process.children(recursive=True)]
    return [
        connection.laddr.ip
        for one in family
        for connection in one.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]


@contextmanager
def command(*arguments, **variables):
    """`fedlab demo … --no-browser`, up: its process and the address that it printed."""
    # a job in a shell's background would not heed Ctrl-C
    heeded = "import signal as s; s.signal(s.SIGINT, s.default_int_handler)"
    code = f"{heeded}; import fedlab.cli as c; c.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "demo", *arguments, "--no-browser"],
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    folders = set()
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        folders = kept_below(psutil.Process(process.pid))
        yield process, line.split()[0]
    finally:
        process.kill()
        process.communicate()
        for folder in folders:
            assert_gone(folder)


@posix
@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_however_it_ends_no_process_and_no_folder_is_left(how, tmp_path):
    port = free_port()
    with command("bandwidth", "--port", str(port), TMPDIR=str(tmp_path)) as (process, address):
        assert address == f"http://127.0.0.1:{port}/voila/render/bandwidth.ipynb"
        status, html = got(address)
        assert status == 200
        assert outputs(html)  # so its kernel runs
        (folder,) = kept_below(psutil.Process(process.pid))
        assert len([*belongings(folder)]) == 2
        assert Path(folder).parent == tmp_path
        process.send_signal(signal.Signals[how])
        if how != "SIGKILL":
            assert process.wait(30) == 0
            assert process.communicate()[1].endswith("stopped\n")
            assert [*belongings(folder)] == []
            assert is_free(port)
        else:
            process.wait(30)
            assert_gone(folder)
    assert [*tmp_path.iterdir()] == []


def strayed(home):
    """A home whose Jupyter and IPython would break anything that heeded them; its variables."""
    config, data, ipython = home / "config", home / "data", home / "ipython/profile_default"
    broken = {
        config / "voila.json": '{"VoilaConfiguration": {"template": "reveal"}',
        config / "voila.py": "raise SystemExit('strayed')",
        config / "jupyter_config.py": "raise SystemExit('strayed')",
        data / "kernels/fedlab-demo/kernel.json": '{"argv": ["false"], "language": "python"}',
        data / "kernels/python3/kernel.json": '{"argv": ["false"], "language": "python"}',
        data / "voila/templates/fedlab-demo/index.html.j2": "strayed",
        ipython / "startup/00.py": "raise SystemExit('strayed')",
        ipython / "ipython_kernel_config.py": "raise SystemExit('strayed')",
        home / "startup.py": "raise SystemExit('strayed')",
    }
    for path, text in broken.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_CONFIG_PATH": str(config),
        "JUPYTER_PATH": str(data),
        "JUPYTER_DATA_DIR": str(data),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONSTARTUP": str(home / "startup.py"),
        "http_proxy": "http://127.0.0.1:9",  # a proxy that nobody serves
    }


def test_the_users_jupyter_is_neither_read_nor_written_and_only_this_machine_is_served(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    variables = strayed(home)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with command("--port", str(free_port()), **variables) as (process, address):
        status, html = got(address)
        assert status == 200
        assert [name for name in NAMES if f"voila/render/{name}.ipynb" not in html] == []
        shown = outputs(got(f"{address}voila/render/server-memory.ipynb")[1])
        assert ["text/html" in output.get("data", {}) for output in shown] == [True], shown
        assert set(listening(psutil.Process(process.pid))) == {"127.0.0.1"}
        with suppress(psutil.Error):
            for one in psutil.Process(process.pid).children(recursive=True):
                if "ipykernel_launcher" in " ".join(one.cmdline()):
                    assert one.cmdline()[0] == sys.executable
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_without_a_port_the_next_free_one_is_taken_and_a_wrong_address_leads_to_the_list(
    monkeypatch, taken
):
    monkeypatch.setattr("fedlab.demos.serving._PORTS", [taken, other := free_port()])
    with serving("pythia-14m") as server:
        assert server.port == other
        status, html = got(server.address("nosuch"))
    assert status == 404
    assert 'href="/"' in html


def test_a_kernel_whose_page_went_without_a_word_is_ended(monkeypatch):
    monkeypatch.setattr(room, "_IDLE_SECONDS", 1)
    monkeypatch.setattr(room, "_LOOK_EVERY_SECONDS", 1)
    with serving("pythia-14m", free_port()) as server:
        folder = str(server.keeper.folder)
        asked(server.address("bandwidth")).close()  # and nothing connects to its kernel
        assert soon(lambda: len([*belongings(folder)]) == 2)
        assert soon(lambda: len([*belongings(folder)]) == 1)


def test_when_no_port_is_free_that_is_said(monkeypatch, taken):
    monkeypatch.setattr("fedlab.demos.serving._PORTS", [taken])
    with pytest.raises(DemoError, match="name another one with --port"):
        serving("pythia-14m").__enter__()


def test_when_voila_ends_by_itself_the_last_it_said_is_told(monkeypatch):
    code = "print('first'); print('no \\x1b[31mroom\\x1b[0m left'); raise SystemExit(3)"
    monkeypatch.setattr(room, "_command", lambda *_: [sys.executable, "-c", code])
    with pytest.raises(DemoError, match="with status 3; it said last: no room left"):
        serving("pythia-14m", free_port()).__enter__()
