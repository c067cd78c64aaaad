"""An app's own run config, and what is to be set in place of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from fedlab.units import whole_number

ROUNDS = "num-server-rounds"  # what Flower's own apps call it


def with_rounds(
    run_config: Mapping[str, Any], rounds: int | None, config: Mapping[str, Any]
) -> dict[str, Any]:
    """A run config with so many rounds, for an app of this config; as it is for None.

    Raises ValueError for rounds below 1, when the app has no key for them, or when run_config says
    them too.

    >>> with_rounds({"lr": 0.01}, 3, {"lr": 0.1, "num-server-rounds": 10})
    {'lr': 0.01, 'num-server-rounds': 3}
    """
    if rounds is None:
        return dict(run_config)
    wanted = whole_number(rounds, "rounds")
    if ROUNDS in run_config:
        raise ValueError(f"expected rounds or {ROUNDS} in the config, got both")
    if ROUNDS not in config:
        raise ValueError(
            f"rounds: expected an app with {ROUNDS} in its config, whose keys are "
            f"{', '.join(config) or 'none'}; if one of them says the rounds, set that one instead"
        )
    return {**run_config, ROUNDS: wanted}


def setting(text: str, config: Mapping[str, Any]) -> tuple[str, Any]:
    """Read KEY=VALUE: a value as TOML; as text where it is none, or the app's own value is a text.

    config: the app's own. Raises ValueError for a text without a key and an equals sign.

    >>> setting("lr=0.01", {"lr": 0.1}), setting("codec=int8", {"codec": ""})
    (('lr', 0.01), ('codec', 'int8'))
    >>> setting("seed=7", {"seed": "one"})
    ('seed', '7')
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ValueError(f"expected KEY=VALUE, got {text!r}")
    try:
        (read,) = tomllib.loads(f"value = {value}").values()
    except ValueError:  # no TOML, or more than one value
        return key, value
    if isinstance(read, str):  # it was quoted
        return key, read
    if isinstance(config.get(key), str) or not isinstance(read, bool | int | float):
        return key, value  # the app wants a text, or Flower has no such value
    return key, read
