"""What is no Flower app is refused in one sentence, before anything is started for it."""

import io
import zipfile

import pytest
from app_directories import app_directory, refused
from flwr.cli.build import build_fab_from_disk

from fedlab.engines import DeploymentError
from fedlab.engines.deployment.apps import metered_copy
from fedlab.engines.deployment.book import read_book
from fedlab.engines.deployment.metering import metered


@pytest.fixture
def app(tmp_path):
    return app_directory(tmp_path / "app", config={"rounds": 1, "deep": {"er": 2}})


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch):
    """A keeper that is asked for after all is another failure than the expected one."""
    monkeypatch.setattr("fedlab.keeper.Keeper.__enter__", None)


def test_what_is_no_directory_is_named(tmp_path):
    said = refused(tmp_path / "none")
    assert said.startswith(f"{tmp_path / 'none'}: expected a Flower app, a directory with a pypro")
    assert said.endswith("; there is no such directory")
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file").endswith("no such directory")
    assert refused(str(tmp_path)).endswith("; there is no pyproject.toml in it")


@pytest.mark.parametrize("text", [b"[tool", b"\xff\xfe", b"a = 1\na = 2"])
def test_what_is_no_toml_is_named_with_its_file(text, app):
    (app / "pyproject.toml").write_bytes(text)
    assert refused(app).startswith(f"{app / 'pyproject.toml'}: expected TOML: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tool = 1",
        "[tool.flwr]\napp = 'deployed:server'",
        "[tool.flwr.app]\npublisher = 'me'",
        "[tool.flwr.app.components]\nserverapp = 'deployed:server'",
        "[tool.flwr.app.components]\nserverapp = 'deployed'\nclientapp = 'deployed:client'",
        "[tool.flwr.app.components]\nserverapp = 1\nclientapp = 2",
    ],
)
def test_an_app_without_its_two_components_is_none(text, app):
    (app / "pyproject.toml").write_text(text)
    assert refused(app).endswith("names no serverapp and clientapp as module:name")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"publisher": ""}, "publisher"),
        ({"config": 1}, "items"),
        ({"config": {"list": [1, 2]}}, "value for key list needs to be"),
        ({"components": {"serverapp": ":a", "clientapp": "b:c"}}, "Missing module in :a"),
    ],
)
def test_what_flower_does_not_take_is_said_in_its_words(change, why, tmp_path):
    app = app_directory(tmp_path / "app", **change)
    if "publisher" in change:
        text = (app / "pyproject.toml").read_text()
        (app / "pyproject.toml").write_text(text.replace('publisher = ""', ""))
    said = refused(app)
    assert said.startswith(f"{app / 'pyproject.toml'}: Flower does not take it: ")
    assert why in said


def test_a_key_that_the_app_does_not_have_is_named_beside_those_it_has(app):
    said = refused(app, ValueError, run_config={"rounds": 2, "deep": {"er": 3}, "nodes": 1})
    assert said == (
        "run_config: expected keys of the app's [tool.flwr.app.config], which are rounds, deep.er; "
        "got nodes"
    )
    bare = app_directory(app.parent / "bare")
    assert "which are none; got nodes" in refused(bare, ValueError, run_config={"nodes": 1})


@pytest.mark.parametrize("value", [None, [1], b"1", {"er": None}])
def test_a_value_that_flower_cannot_send_is_named(value, app):
    assert "value for key" in refused(app, ValueError, run_config={"rounds": value})


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_above_zero(timeout, app):
    assert refused(app, ValueError, timeout=timeout).startswith("timeout: expected seconds above")


@pytest.mark.parametrize("nodes", [0, -1, 1.5, True, "2"])
def test_nodes_are_a_whole_number_of_one_or_more(nodes, app):
    assert refused(app, ValueError, nodes=nodes).startswith("nodes: expected a whole number")


def test_an_app_that_flower_cannot_bundle_is_refused_in_its_words(app, tmp_path):
    (app / ".gitignore").write_text("*.toml")
    with pytest.raises(DeploymentError, match="cannot bundle this app: pyproj"):
        metered_copy(app, tmp_path / "copy")


@pytest.mark.parametrize("key", ["fab-include", "fab-exclude"])
def test_the_copy_has_the_files_of_the_bundle_and_is_bundled_whole(key, tmp_path):
    app = app_directory(tmp_path / "app", **{key: ["deployed.py" if "in" in key else "notes.md"]})
    (app / "notes.md").write_text("")
    before = {path: path.read_bytes() for path in app.iterdir()}
    metered_copy(app, tmp_path / "copy")
    with zipfile.ZipFile(io.BytesIO(build_fab_from_disk(tmp_path / "copy"))) as bundle:
        names = {".info/CONTENT", "deployed.py", "fedlab_metered.py", "pyproject.toml"}
        assert set(bundle.namelist()) == names
    assert {path: path.read_bytes() for path in app.iterdir()} == before


# --- the app's server, in its own process --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("bad_import", "raise OSError('no\\ndisk')", "OSError: no disk"),
        ("bad_name", "", "AttributeError: module 'bad_name' has no attribute 'server'"),
        ("bad_kind", "server = 1", "TypeError: bad_kind:server: expected a ServerApp, got int"),
        ("bad_syntax", "def", "SyntaxError: invalid syntax (bad_syntax.py, line 1)"),
        ("bad_exit", "import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_server_that_cannot_be_loaded_writes_down_why(name, code, why, tmp_path, monkeypatch):
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    book = tmp_path / "book"
    app = metered(f"{name}:server", book=str(book), nodes=2, check=True, weighted_by="num-examples")
    with pytest.raises((Exception, SystemExit)):
        app(None, None)
    assert read_book(book.read_text().splitlines()).finished == why


def test_a_module_that_is_not_there_is_named(tmp_path):
    book = tmp_path / "book"
    app = metered("not_there:a", book=str(book), nodes=2, check=True, weighted_by="num-examples")
    with pytest.raises(ModuleNotFoundError):
        app(None, None)
    wanted = "ModuleNotFoundError: No module named 'not_there'"
    assert read_book(book.read_text().splitlines()).finished == wanted
