"""What the kernel of a demo's page runs."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from IPython.display import HTML

from fedlab.demos.catalogue import DemoError, find
from fedlab.sizes import TensorSpec


def page(name: str, described: str) -> Any:
    """The demo of this name in large type, or in one sentence why there is none.

    described: the file in which `site.write_site` described the model's tensors.
    """
    specs = json.loads(Path(described).read_text("utf-8"))
    model = [TensorSpec(**spec | {"shape": tuple(spec["shape"])}) for spec in specs]
    try:
        demo = find(name).make(model)
    except DemoError as error:
        return HTML(f'<p role="alert">{escape(str(error))}</p>')  # type: ignore[no-untyped-call]
    demo.large = True
    return demo
