"""Configurations: bundled, from a file, from the hub; and what a bad one gets."""

import json
import os
import subprocess
import sys

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from fedlab.configs import (
    UnknownModelError,
    bundled,
    cached_meta_model,
    find_bundled,
    meta_model,
    read_config,
)

TINY = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    **{"n_embd": 8, "n_layer": 1, "n_head": 1, "vocab_size": 11, "n_positions": 4},
    **{"bos_token_id": 1, "eos_token_id": 2},
}


def test_the_promised_models_are_bundled():
    assert set(bundled()) == {
        *(f"pythia-{size}" for size in ("14m", "31m", "70m", "160m", "410m", "1b", "1.4b")),
        *("gpt2", "gpt-neo-1.3b", "llama-3.2-1b", "llama-2-7b", "llama-2-70b", "minilm"),
    }
    assert bundled() == sorted(bundled())


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_model_is_found_by_name_and_by_hub_id_in_any_case(name):
    found = find_bundled(name)
    assert found["name"] == name
    assert find_bundled(found["hub_id"]) == find_bundled(name.upper()) == found


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_configuration_is_facts_that_transformers_knows(name):
    config = read_config(name)
    assert {"model_type", "architectures"} <= config.keys()
    assert not {"name", "hub_id", "tensors"} & config.keys()


def test_what_is_not_bundled_is_not_found():
    assert find_bundled("pythia-14") is None
    assert find_bundled("") is None


def test_a_caller_that_changes_its_configuration_changes_nobody_elses():
    read_config("gpt2")["n_layer"] = 99
    assert read_config("gpt2")["n_layer"] == 12


@pytest.mark.parametrize(
    ("name", "near"), [("pythia-14", "pythia-14m"), ("GPT-2", "gpt2"), ("llama-2-7", "llama-2-7b")]
)
def test_an_unknown_model_is_answered_with_a_near_name_and_what_there_is(name, near):
    with pytest.raises(UnknownModelError) as caught:
        read_config(name)
    said = str(caught.value)
    assert f"unknown model '{name}': did you mean {near}?" in said
    assert all(known in said for known in bundled())


@pytest.mark.parametrize(
    "name", ["zzz", "", "a/b/c", "./no", "/no/where", "x/config.json", "a/", "nul\0l", "x" * 5000]
)
def test_a_name_that_is_no_model_is_refused_without_asking_the_hub(name, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", None)
    with pytest.raises(UnknownModelError, match="expected"):
        read_config(name)


def test_an_unknown_model_is_a_value_error():
    assert issubclass(UnknownModelError, ValueError)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{'single': 'quotes'}", "expected a JSON configuration, got JSONDecodeError"),
        (b"", "expected a JSON configuration, got JSONDecodeError"),
        (b"\xff\xfe\x00", "expected a JSON configuration, got UnicodeDecodeError"),
        (b"[" * 200_000, "expected a JSON configuration, got RecursionError"),
        (b'{"n": ' + b"9" * 5000 + b"}", "expected a JSON configuration, got ValueError"),
        (b"[1, 2]", "expected a JSON object with a model_type, got a list"),
        (b"null", "expected a JSON object with a model_type, got a NoneType"),
        (b'"gpt2"', "expected a JSON object with a model_type, got a str"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_by_name(tmp_path, content, said):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    for model in (path, tmp_path):
        with pytest.raises(UnknownModelError, match=said) as caught:
            read_config(str(model))
        assert str(model) in str(caught.value)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(UnknownModelError, match=r"expected a config.json or a .safetensors file"):
        read_config(str(tmp_path))


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "config.json"
    path.write_text("{}")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_text", refuse)
    with pytest.raises(UnknownModelError, match="PermissionError"):
        read_config(str(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "martian"}, "expected a model_type that transformers .* got 'martian'"),
        ({"model_type": None}, "unknown architecture: .* got None"),
        ({"model_type": ["gpt2"]}, "unknown architecture: .* got \\['gpt2'\\]"),
        ({"architectures": "GPT2LMHeadModel"}, "architectures: expected a list of class names"),
        ({"architectures": 5}, "architectures: expected a list of class names, got 5"),
        ({"architectures": [None]}, "architectures: expected a list of class names"),
        ({"architectures": ["GPT2Config"]}, "'GPT2Config' is no model class"),
        ({"architectures": ["pipeline"]}, "'pipeline' is no model class"),
        ({"n_embd": -8}, "this gpt2 configuration describes no model"),
        ({"n_embd": "wide"}, "this gpt2 configuration describes no model"),
        ({"n_head": 0}, "this gpt2 configuration describes no model"),
        ({"activation_function": "sing"}, "this gpt2 configuration describes no model"),
    ],
)
def test_a_configuration_that_describes_no_model_is_refused_in_one_line(change, said):
    with pytest.raises(UnknownModelError, match=said) as caught:
        meta_model(TINY | change)
    assert "\n" not in str(caught.value)


def test_an_architecture_that_is_newer_than_transformers_falls_back_to_its_model_type():
    lm = sum(p.numel() for p in meta_model(TINY).parameters())
    base = sum(p.numel() for p in meta_model(TINY | {"architectures": ["GPT9Model"]}).parameters())
    assert lm == base == 11 * 8 + 4 * 8 + 12 * 64 + 13 * 8 + 2 * 8


def test_a_layout_allocates_nothing_and_is_made_once():
    model = cached_meta_model(TINY)
    assert {p.device.type for p in model.parameters()} == {"meta"}
    assert cached_meta_model(dict(reversed(TINY.items()))) is model
    assert cached_meta_model(TINY, "float16") is not model


OFFLINE = {
    "nothing listens": {"HF_ENDPOINT": "http://127.0.0.1:9"},
    "offline mode": {"HF_HUB_OFFLINE": "1"},
}


@pytest.mark.parametrize("way", OFFLINE)
def test_a_hub_out_of_reach_is_one_sentence_and_no_noise(way, tmp_path):
    code = (
        "from fedlab.configs import read_config\n"
        "try: read_config('owner/some-model')\n"
        "except ValueError as error: print(error)"
    )
    settings = os.environ | {"HF_HOME": str(tmp_path), **OFFLINE[way]}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=settings, check=True
    )
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith("owner/some-model: the Hugging Face hub cannot be reached")
    assert "give a config.json or a bundled name (gpt-neo-1.3b, gpt2" in line


def answers(error, code):
    def ask(*args, **kwargs):
        request = httpx.Request("HEAD", "https://hub/owner/model")
        raise error("no", response=httpx.Response(code, request=request))

    return ask


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (GatedRepoError, 403, "owner/model: the hub asks you to log in and accept its terms first"),
        (RepositoryNotFoundError, 404, "owner/model: the hub has no such model"),
    ],
)
def test_a_hub_that_says_no_is_quoted_in_one_sentence(monkeypatch, error, code, said):
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *a: None)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", answers(error, code))
    with pytest.raises(UnknownModelError) as caught:
        read_config("owner/model")
    assert str(caught.value) == said


def test_a_configuration_of_the_hub_is_fetched_once_it_is_known_to_be_there(tmp_path, monkeypatch):
    path, asked = tmp_path / "config.json", []
    path.write_text(json.dumps(TINY))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *a: None)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda *a, **k: asked.append(a))
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *a: str(path))
    assert read_config("owner/model") == TINY
    assert len(asked) == 1


def test_an_id_that_the_hub_does_not_allow_is_refused_without_asking():
    with pytest.raises(UnknownModelError, match="the hub has no such model"):
        read_config("owner/not@allowed")


def test_a_cached_configuration_needs_no_network(tmp_path, monkeypatch):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(TINY))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *a: str(path))
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", None)
    assert read_config("owner/model") == TINY


@pytest.mark.parametrize("key", ["num_hidden_layers", "n_layer", "num_layers"])
def test_a_billion_layers_are_refused_before_one_is_laid_out(key):
    with pytest.raises(UnknownModelError, match=f"{key}: expected at most 10000, got 1000000000"):
        meta_model({"model_type": "llama", key: 10**9})
