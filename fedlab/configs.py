"""Model configurations: where they come from, and the tensors they describe.

A configuration is facts (widths, depths, vocabulary), never weights. Its tensors are laid out on
torch's meta device, which knows shapes and allocates nothing, so a 70-billion-parameter model is
sized on a laptop.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedlab.paths import shipped

if TYPE_CHECKING:
    import torch

_FOLDER = "data/configs"
_MOST_LAYERS = 10_000  # even without numbers in them, layers take time and memory to lay out


class UnknownModelError(ValueError):
    """No such model: says what was expected, what came and what to do."""


@functools.cache
def _bundled() -> dict[str, dict[str, Any]]:
    read = (json.loads(path.read_text("utf-8")) for path in shipped(_FOLDER).glob("*.json"))
    return {config["name"]: config for config in read}


def bundled() -> list[str]:
    """Names of the configurations that travel with fedlab.

    >>> "pythia-14m" in bundled()
    True
    """
    return sorted(_bundled())


def find_bundled(model: str) -> dict[str, Any] | None:
    """A bundled configuration by its name or its hub id; None where there is none.

    Beside the configuration itself it holds `name`, `hub_id` and `tensors`: the shape of
    every tensor, a range in braces standing for repeated layers, a string for a tied one. They are
    what `meta_model` lays out (`data/layouts.py` writes them, a test compares), kept so that a
    bundled model is sized without importing torch.

    >>> find_bundled("EleutherAI/pythia-14m")["name"]
    'pythia-14m'
    """
    wanted = model.lower()
    return next(
        (c for c in _bundled().values() if wanted in (c["name"], c["hub_id"].lower())), None
    )


def read_config(model: str) -> dict[str, Any]:
    """The configuration of a bundled name, a config.json, a model directory or a hub id.

    Raises UnknownModelError when there is none, it is no JSON object, or the hub is out of reach.

    >>> read_config("pythia-14m")["hidden_size"]
    128
    """
    if (known := find_bundled(model)) is not None:
        return {key: known[key] for key in known if key not in ("name", "hub_id", "tensors")}
    path = Path(model)
    if found(path.is_dir):
        path = path / "config.json"
        if not path.is_file():
            raise UnknownModelError(
                f"{model}: expected a config.json or a .safetensors file in this folder, got none"
            )
    elif not found(path.is_file):
        path = _from_hub(model)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnknownModelError(
            f"{model}: expected a JSON configuration, got {type(error).__name__}: {error}"
        ) from error
    if not isinstance(config, dict):
        raise UnknownModelError(
            f"{model}: expected a JSON object with a model_type, got a {type(config).__name__}"
        )
    return config


def found(look: Callable[[], bool]) -> bool:
    """Whether there is such a file or folder; a name too long for one is none."""
    try:
        return look()
    except OSError:
        return False


def _from_hub(model: str) -> Path:
    """Download a hub repository's config.json (facts only, no weights) into the hub's cache."""
    if model.count("/") != 1 or model.startswith((".", "/")) or model.endswith((".json", "/")):
        near = difflib.get_close_matches(model.lower(), bundled(), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UnknownModelError(
            f"unknown model {model!r}: {hint}expected one of {', '.join(bundled())}, "
            "a config.json, a .safetensors file, a model directory, or a Hugging Face id "
            "(owner/name)"
        )
    from huggingface_hub import (
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        try_to_load_from_cache,
    )
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    try:
        cached = try_to_load_from_cache(model, "config.json")
        if isinstance(cached, str):
            return Path(cached)
        # asked without retries first: the download alone would try for 20 s before it gives up
        get_hf_file_metadata(hf_hub_url(model, "config.json"), timeout=5)
        return Path(hf_hub_download(model, "config.json"))
    except GatedRepoError as error:
        why = "the hub asks you to log in and accept its terms first"
        raise UnknownModelError(f"{model}: {why}") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise UnknownModelError(f"{model}: the hub has no such model") from error
    except Exception as error:  # its HTTP library and so its errors change with its versions
        raise UnknownModelError(
            f"{model}: the Hugging Face hub cannot be reached and its config.json is not in the "
            "local cache; check the connection, or give a config.json or a bundled name "
            f"({', '.join(bundled())})"
        ) from error


def meta_model(config: dict[str, Any], dtype: str = "float32") -> torch.nn.Module:
    """The configured model on the meta device: every shape, no number, no allocation.

    dtype: what floating-point parameters would be stored as. Raises UnknownModelError when this
    transformers does not know the architecture, or the configuration does not fit it.
    """
    import torch
    import transformers

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in transformers.CONFIG_MAPPING:
        raise UnknownModelError(
            f"unknown architecture: expected a model_type that transformers "
            f"{transformers.__version__} knows (gpt_neox, llama, bert, …), got {kind!r}; "
            "a safetensors file of the model can be sized without knowing its architecture"
        )
    names = config.get("architectures") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UnknownModelError(f"architectures: expected a list of class names, got {names!r}")
    model_class = getattr(transformers, names[0], None) if names else None
    if model_class is None:
        model_class = transformers.AutoModel.from_config
    elif not (
        isinstance(model_class, type) and issubclass(model_class, transformers.PreTrainedModel)
    ):
        raise UnknownModelError(f"unknown architecture: {names[0]!r} is no model class")
    for key in ("num_hidden_layers", "n_layer", "num_layers"):
        if isinstance(config.get(key), int) and config[key] > _MOST_LAYERS:
            raise UnknownModelError(f"{key}: expected at most {_MOST_LAYERS}, got {config[key]}")
    try:
        with torch.device("meta"):
            model = model_class(transformers.AutoConfig.for_model(**config))
    except Exception as error:  # any nonsense in a foreign config ends here, as one sentence
        raise UnknownModelError(
            f"this {kind} configuration describes no model: {type(error).__name__}: "
            f"{' '.join(str(error).split())}"
        ) from error
    return model.to(getattr(torch, dtype))  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=16)
def _laid_out(config_json: str, dtype: str) -> torch.nn.Module:
    return meta_model(json.loads(config_json), dtype)


def cached_meta_model(config: dict[str, Any], dtype: str = "float32") -> torch.nn.Module:
    """As `meta_model`, laid out once a process; the same configuration comes back at once."""
    return _laid_out(json.dumps(config, sort_keys=True, default=str), dtype)
