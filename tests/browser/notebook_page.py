"""A notebook open in JupyterLab in a browser: run its cells, read them, hear what went wrong."""

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
import needs

HERE = {"127.0.0.1", "localhost"}
# what `Notebook` asks the open notebook; JupyterLab is started so that it shows its `app`
PANEL = "const app = window.jupyterapp; const panel = app.shell.currentWidget;"
IS_READY = f"""() => {{
  if (!window.jupyterapp) return false;
  {PANEL}
  return panel?.context?.isReady && panel.sessionContext.isReady &&
    panel.sessionContext.session?.kernel?.status === "idle";
}}"""
START = f"""([command, cell]) => {{
  {PANEL}
  if (cell !== null) panel.content.activeCellIndex = cell;
  window.ran = false;
  app.commands.execute(command).finally(() => {{ window.ran = true; }});
}}"""
# What a reader sees of a demo: its controls, its headline, its rows.
READ_DEMO = """demo => {
  const pairs = (selector, value) =>
    Object.fromEntries([...demo.querySelectorAll(selector)].map(
      (node) => [node.firstChild.textContent, value(node)]));
  const words = (node) => node.querySelector("[role=radiogroup]")
    ? node.querySelector(":checked").parentNode.textContent
    : `${node.querySelector("[type=text]").value} ${node.children[3].textContent}`.trim();
  return [
    pairs(".fedlab-control", words),
    demo.querySelector("output").textContent,
    pairs("dl > div", (row) => row.children[1].textContent),
  ];
}"""


@dataclass
class Notebook:
    """An open notebook: its page, and what its page complained about or asked for."""

    page: object
    errors: list = field(default_factory=list)
    foreign: list = field(default_factory=list)

    def run_all(self, timeout=60):
        """Run every cell, and wait for the last one."""
        self._run("notebook:run-all-cells", None, timeout)

    def run(self, cell, timeout=30):
        """Run one cell, counted from 0; return the text it shows."""
        self._run("notebook:run-cell", cell, timeout)
        outputs = self.cells()[cell].outputs
        return "".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs)

    def cells(self):
        """The cells as they would be saved now, outputs included, seen or scrolled away."""
        model = self.page.evaluate(f"() => {{ {PANEL} return panel.content.model.toJSON(); }}")
        return nbformat.from_dict(model).cells

    def problems(self):
        """Cells that raised, errors on the browser's console, requests to other machines."""
        raised = [
            f"cell {number}: {output.ename}: {output.evalue}"
            for number, cell in enumerate(self.cells())
            for output in cell.get("outputs", [])
            if output.output_type == "error"
        ]
        return raised + self.errors + self.foreign

    def _run(self, command, cell, timeout):
        self.page.evaluate(START, [command, cell])
        self.page.wait_for_function("() => window.ran", timeout=1000 * timeout)

    def _watch(self):
        def request(url):
            if urlsplit(url).scheme not in ("blob", "data") and urlsplit(url).hostname not in HERE:
                self.foreign.append(f"request to {url}")

        def console(message):
            if message.type == "error":
                self.errors.append(f"console: {message.text} at {message.location.get('url')}")

        self.page.on("request", lambda made: request(made.url))
        self.page.on("websocket", lambda made: request(made.url))
        self.page.on("console", console)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))


@contextmanager
def opened(lab, browser, source, **context):
    if isinstance(source, Path):
        # with what lies beside it, such as the apps that a lesson deploys
        shutil.copytree(source.parent, lab.root / source.parent.name, dirs_exist_ok=True)
        name = f"{source.parent.name}/{source.name}"
        kernel = nbformat.read(source, as_version=4).metadata.kernelspec.name
        needs.kernel(kernel, lab.ask("/api/kernelspecs")["kernelspecs"])
    else:
        name = "cells.ipynb"
        code = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in source])
        code.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(code, lab.root / name)
    page = browser.new_context(viewport={"width": 1200, "height": 900}, **context).new_page()
    page.set_default_timeout(10_000)
    notebook = Notebook(page)
    notebook._watch()
    try:
        page.goto(f"{lab.url}/lab/tree/{quote(name)}?reset&token={lab.token}", timeout=60_000)
        page.wait_for_function(IS_READY, timeout=60_000)
        yield notebook
    finally:
        page.context.close()
        lab.stop_kernels()
