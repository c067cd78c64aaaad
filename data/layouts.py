"""Write the `tensors` of every bundled configuration: `python data/layouts.py`.

They are what transformers lays out on the meta device, with repeated layers folded into one
(`gpt_neox.layers.{6}.mlp…` stands for layers 0 to 5) and a tied tensor given as the name it is
tied to. Only needed when a configuration is added or changed.
"""

import json
import re
from itertools import groupby
from pathlib import Path
from typing import Any

from fedlab.configs import bundled, meta_model, read_config
from fedlab.sizes import TensorSpec, tensors_of

FOLDER = Path(__file__).parent / "configs"
LAYER = re.compile(r"\.(\d+)\.")


def fold(specs: list[TensorSpec]) -> dict[str, Any]:
    """Shapes by name, runs of equal layers folded."""
    layers: dict[int, dict[str, Any]] = {}
    layout: dict[str, Any] = {}
    for numbered, run in groupby(specs, key=lambda spec: bool(LAYER.search(spec.name))):
        entries = [(spec.name, spec.tied_to or list(spec.shape)) for spec in run]
        if not numbered:
            layout |= dict(entries)
            continue
        layers.clear()
        for name, shape in entries:
            layer = int(LAYER.search(name).group(1))  # type: ignore[union-attr]
            layers.setdefault(layer, {})[LAYER.sub(".{}.", name, count=1)] = shape
        assert all(layer == layers[0] for layer in layers.values()), "layers differ"
        layout |= {name.replace("{}", f"{{{len(layers)}}}"): s for name, s in layers[0].items()}
    return layout


def main() -> None:
    """Rewrite each file with its layout."""
    for name in bundled():
        path = FOLDER / f"{name}.json"
        config = json.loads(path.read_text("utf-8"))
        config["tensors"] = fold(tensors_of(meta_model(read_config(name))))
        text = json.dumps(config, indent=2)
        path.write_text(re.sub(r"\[\s+([\d,\s]+?)\s+\]", _one_line, text) + "\n", "utf-8")


def _one_line(found: re.Match[str]) -> str:
    return "[" + " ".join(found.group(1).split()) + "]"


if __name__ == "__main__":
    main()
