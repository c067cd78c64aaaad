"""fedlab measure, called as a user calls it, where nothing is deployed."""

import json
from pathlib import Path

import pytest
from app_directories import app_directory
from measured import CODE, report_of, result_of, transfer

from fedlab.engines import DeploymentError, NotEnoughNodesError
from fedlab.keeper import KeeperError


@pytest.fixture
def measure(fedlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run `fedlab measure APP …` where `deploy` only calls a function."""
    app = app_directory(tmp_path / "tiny", CODE, config={"num-server-rounds": 2, "codec": ""})

    def run(deploy, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("fedlab.engines.deploy", deploy)
        return fedlab("measure", str(app), *arguments)

    return run


def test_measure_prints_the_bill_beside_the_formula_and_the_seconds_last(measure) -> None:
    status, out, _ = measure(lambda *_, **__: result_of())
    assert status == 0
    assert "(1,000 + 1,000) x 2 x 2 B = 8.00 kB (7.81 KiB)" in " ".join(out.split())
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    assert ["", "node 1", "down", "4", "2,000", "2,200", "2,100"] in cells
    assert ["all", "server", "down", "5", "", "", "4,002"] in cells
    assert ["evaluation, down", "4,000", "4,000", "equal", "4,200", "+5.00 %"] in cells
    assert out.splitlines()[-1] == "The run took 1.5 s."


def test_measure_in_json_is_the_report_and_nothing_else(measure) -> None:
    status, out, err = measure(lambda *_, **__: result_of(), "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == report_of().as_json()


def test_measure_hands_on_what_it_is_asked_for(measure, tmp_path: Path) -> None:
    asked = {}

    def deploy(app: Path, **about: object):
        asked.update(about)
        return result_of(wire=False)

    authority = tmp_path / "ca.pem"
    authority.touch()
    status, out, _ = measure(
        deploy,
        *("--superlink", "fed.example.org:8000", "--root-certificates", str(authority)),
        *("--rounds", "3", "--config", "codec=8", "--timeout", "7"),
    )
    assert status == 0
    assert "out of sight from here" in " ".join(out.split())
    assert asked["superlink"] == "fed.example.org:8000"
    assert asked["tls"].authority == authority
    assert asked["run_config"] == {"codec": "8", "num-server-rounds": 3}
    assert asked["timeout"] == 7


def test_measure_names_a_client_that_failed_and_ends_with_status_1(measure) -> None:
    result = result_of()
    result.ledger.add(transfer(1, 2, "train", "up", 0, outcome="failed", reason="no [disk] left"))
    status, out, _ = measure(lambda *_, **__: result)
    assert status == 1
    assert "node 1 failed in round 2, train: no [disk] left" in " ".join(out.split())
    assert measure(lambda *_, **__: result, "--json")[0] == 1


def test_measure_shows_flowers_log_on_stderr_when_asked_to(measure) -> None:
    def deploy(*_: object, tell, **__: object):
        tell("INFO :      [ROUND 1/2]")
        return result_of()

    for asked in ([], ["--verbose"]):
        _, out, err = measure(deploy, "--json", *asked)
        assert ("[ROUND 1/2]" in err) == bool(asked)
        assert json.loads(out)


@pytest.mark.parametrize("kind", [DeploymentError, NotEnoughNodesError, KeeperError])
def test_a_federation_that_fails_is_one_sentence_and_status_2(measure, kind) -> None:
    def deploy(*_: object, **__: object):
        raise kind("it [did] not start")

    status, out, err = measure(deploy)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == "fedlab: it [did] not start"


def test_what_is_no_users_fault_keeps_its_traceback(measure) -> None:
    def deploy(*_: object, **__: object):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        measure(deploy)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", "codec"], "expected KEY=VALUE, got 'codec'"),
        (["--rounds", "2", "--config", "num-server-rounds=2"], "got both"),
        (["--rounds", "0"], "range"),
        (["--nodes", "0"], "range"),
        (["--nodes", "2", "--superlink", "127.0.0.1:9"], "expected nodes or superlink, got both"),
        (["--root-certificates", __file__], "expected --superlink too"),
        (["--superlink", "127.0.0.1:9", "--root-certificates", "none.pem"], "does not exist"),
    ],
)
def test_what_a_user_asks_wrong_of_measure_starts_nothing(measure, arguments, said) -> None:
    status, out, err = measure(lambda *_, **__: pytest.fail("deployed"), *arguments)
    assert (status, out) == (2, "")
    assert said in err


def test_measuring_what_is_no_app_or_setting_what_it_does_not_have_is_status_2(
    fedlab, tmp_path: Path
) -> None:
    status, _, err = fedlab("measure", str(tmp_path))
    assert (status, err.count("\n")) == (2, 1)
    assert "expected a Flower app" in err
    app = app_directory(tmp_path / "tiny", CODE, config={"codec": ""})
    for asked in (["--config", "codex=8"], ["--rounds", "2"]):
        status, _, err = fedlab("measure", str(app), *asked)
        assert (status, err.count("\n")) == (2, 1)
        assert "are codec" in err
