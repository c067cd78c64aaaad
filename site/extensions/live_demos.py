"""Demos come alive on the site: a page that holds a demo's table gets the demo's view as a script.

Scripts are classic, not modules: Chromium loads no module into a page opened as a file. Without
JavaScript, and where a view fails, picture and table stay.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from fedlab import widgets

_HERE = Path(__file__).parent
_STILL = re.compile(r'<table class="fedlab-still" data-demo="(\w+)"')
_EXPORT = re.compile(r"^export (default )?", re.MULTILINE)


def scoped(module: str) -> str:
    """An ES module's text as an expression of JavaScript, whose value is its default export.

    module: with nothing to import, as `fedlab.widgets.base.module` makes it. Raises ValueError for
    any other.

    >>> print(scoped("export const one = 1;\\nexport default { one };\\n"))
    (() => {
    "use strict";
    const one = 1;
    const exported = { one };
    return exported;
    })()
    """
    if len(re.findall(r"^export default ", module, re.MULTILINE)) != 1 or re.search(
        r"^import\b|^export [{*]", module, re.MULTILINE
    ):
        raise ValueError(
            "expected a module with one default export, without imports and export lists; "
            "name each export where it is defined"
        )
    body = _EXPORT.sub(lambda found: "const exported = " if found[1] else "", module)
    return f'(() => {{\n"use strict";\n{body}return exported;\n}})()'


def script(name: str) -> str:
    """The script that gives live_demos.js a demo's view and controls, by the class's name."""
    demo = getattr(widgets, name)()
    controls = json.dumps(demo._controls)
    return (
        "window.fedlabDemos ??= {};\n"
        f"window.fedlabDemos.{name} = {{ controls: {controls}, view: {scoped(demo._esm)} }};\n"
    )


def styles() -> str:
    """What the demos look like, in the site's colours."""
    files = [*sorted(Path(widgets.__file__).parent.glob("*.css")), _HERE / "live_demos.css"]
    return "\n".join(file.read_text("utf-8") for file in files)


def enliven(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Load, on a page that holds demos, their views and what puts them in their places."""
    names = sorted(set(_STILL.findall(context.get("body", ""))))
    if not names:
        return
    starter = (_HERE / "live_demos.js").read_text("utf-8")
    scripts = {f"demos/{name}.js": script(name) for name in names} | {"demos/live.js": starter}
    for file, text in scripts.items():
        _write(app, file, text)
        app.add_js_file(file, loading_method="defer")
    _write(app, "demos/live.css", styles())
    app.add_css_file("demos/live.css")


def _write(app: Sphinx, file: str, text: str) -> None:
    path = Path(app.outdir, "_static", file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("html-page-context", enliven)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
