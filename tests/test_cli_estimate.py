"""fedlab estimate: the bill of a model, and what a user gets wrong in one sentence."""

import json
from pathlib import Path

import pytest

from fedlab.codecs import parse
from fedlab.sizes import tensors_of


def test_estimate_prints_the_bill(fedlab) -> None:
    status, out, _ = fedlab("estimate", "pythia-14m")
    assert status == 0
    assert "14,067,712 in 76 tensors" in out
    assert "225.08 MB (214.66 MiB)" in out


def test_estimate_in_json_holds_exact_bytes(fedlab) -> None:
    status, out, err = fedlab(
        "estimate", "llama-3.2-1b", "--clients", "100", "--fraction", "0.5", "--rounds", "10",
        "--incoming", "0.25", "--link", "20Mbps", "--json",
    )  # fmt: skip
    facts = json.loads(out)
    assert (status, err) == (0, "")
    assert facts["model_bytes"] == 4_943_257_600
    assert facts["incoming_bytes"] == 1_235_814_400
    assert facts["clients_per_round"] == 50
    assert facts["traffic_bytes"] == (4_943_257_600 + 1_235_814_400) * 50 * 10
    assert facts["tied_bytes"] == 1_050_673_152
    assert facts["upload_seconds"] == 1_235_814_400 * 8 / 20e6


def test_estimate_says_when_tied_weights_are_counted_once(fedlab) -> None:
    assert "a state dict sends 154.39 MB" in fedlab("estimate", "gpt2")[1]
    assert "tied" not in fedlab("estimate", "pythia-14m")[1]


def test_estimate_counts_a_configuration_in_the_dtype_asked_for(fedlab) -> None:
    half = json.loads(fedlab("estimate", "pythia-14m", "--dtype", "bfloat16", "--json")[1])
    assert half["model_bytes"] == 28_135_424


def test_estimate_takes_a_codec_and_says_whether_its_size_is_exact(fedlab) -> None:
    facts = json.loads(fedlab("estimate", "pythia-14m", "--codec", "int8", "--json")[1])
    assert (facts["codec"], facts["incoming_exact"]) == ("int8", True)
    assert facts["outgoing_bytes"] == 56_270_848
    assert facts["incoming_bytes"] == sum(
        parse("int8").size(spec.shape) for spec in tensors_of("pythia-14m")
    )
    facts = json.loads(fedlab("estimate", "pythia-14m", "--codec", "topk:0.01|int8", "--json")[1])
    assert not facts["incoming_exact"]
    assert "at most" in fedlab("estimate", "pythia-14m", "--codec", "topk:0.01|int8")[1]


def test_estimate_reads_a_weights_file_in_its_own_dtype(fedlab, tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    path = tmp_path / "model.safetensors"
    save_file({"w": np.zeros((100, 10), np.float16)}, path)
    for name in (path, tmp_path):
        facts = json.loads(fedlab("estimate", str(name), "--json")[1])
        assert facts["model_bytes"] == 2000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pythia-15m"], "did you mean pythia-"),
        (["gpt2", "--clients", "0"], "range"),
        (["gpt2", "--clients", "-3"], "range"),
        (["gpt2", "--rounds", "0"], "range"),
        (["gpt2", "--clients", "3", "--fraction", "0.1"], "selects no client of 3"),
        (["gpt2", "--fraction", "1.5"], "share in (0, 1], got 1.5"),
        (["gpt2", "--fraction", "nan"], "share in (0, 1], got nan"),
        (["gpt2", "--incoming", "-1"], "0 or more, got -1.0"),
        (["gpt2", "--incoming", "nan"], "got nan"),
        (["gpt2", "--codec", "zip"], "unknown codec 'zip'; there are"),
        (["gpt2", "--codec", "topk:2"], "above 0 and up to 1, got 2.0"),
        (["gpt2", "--codec", "int8", "--incoming", "1"], "got both"),
        (["gpt2", "--link", "20"], "expected a form like '20Mbps', got '20'"),
        (["gpt2", "--dtype", "float13"], "expected one of float64"),
        (["gpt2", "--min-clients", "9"], "at most the cohort of 2, got 9"),
        (["no-such-owner/no-such-model"], "hub cannot be reached"),
        (["missing.safetensors"], "safetensors"),
        (["missing/config.json"], "unknown model"),
    ],
)
def test_what_a_user_gets_wrong_is_one_sentence_and_status_2(
    fedlab, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # a hub that nobody serves
    status, out, err = fedlab("estimate", *arguments)
    assert status == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_a_truncated_weights_file_is_status_2(fedlab, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\xff\xff\x00\x00\x00\x00\x00\x00{")
    status, _, err = fedlab("estimate", str(path))
    assert status == 2
    assert "expected a whole safetensors file" in err


def test_a_config_of_an_unknown_architecture_is_status_2(fedlab, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "perceptron-9000"}', "utf-8")
    status, _, err = fedlab("estimate", str(path))
    assert status == 2
    assert "unknown architecture" in err
    assert "perceptron-9000" in err
