"""Every demo in the cells of a notebook, and what Python says of each."""

import json
import time

import numpy as np
from demo_view import until
from notebook_page import READ_DEMO

from fedlab.widgets import (
    BandwidthDemo,
    CompressionDemo,
    DeviceMemoryDemo,
    RoundDemo,
    ServerMemoryDemo,
)

UPDATE = 'np.random.default_rng(0).laplace(0, 0.002, 5000).astype("float32")'
PLAIN = [BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo, CompressionDemo]
DEMOS = [*PLAIN, RoundDemo]  # which has a player beside its controls
MAKE = f"""
import json, numpy as np, ipywidgets
from fedlab.widgets import *
def made():
    return [
        BandwidthDemo(), DeviceMemoryDemo(), ServerMemoryDemo(), CompressionDemo({UPDATE}),
        RoundDemo(),
    ]
demos = made()
"""
SHOW = [f"demos[{place}]" for place in range(len(DEMOS))]
RESET = """
for demo, fresh in zip(demos, made()):
    demo.large = False
    for control in demo.controls():
        setattr(demo, control.name, getattr(fresh, control.name))
"""
# of each demo: its values, its notes, and whether its type is large
HELD = """
print(json.dumps([[{c.name: getattr(d, c.name) for c in d.controls()}, d.notes, d.large]
    for d in demos]))
"""
# of each demo: what its controls show, its headline, its rows; a step is no setting
SAY = """
for demo in demos:
    said = demo.readout()
    values = {c.label: c.shown(getattr(demo, c.name)) for c in demo.controls() if c.name != "step"}
    print(json.dumps([values, said.headline, dict(said.rows)]))
"""


def made():
    """The demos as the cells make them, in this process."""
    update = eval(UPDATE, {"np": np})
    return [demo(update) if demo is CompressionDemo else demo() for demo in DEMOS]


def plain_notebook(open_notebook, *more):
    """The demos of PLAIN, each in the cell of its place plus one; then RESET, HELD, and more."""
    notebook = open_notebook([MAKE, *SHOW[: len(PLAIN)], RESET, HELD, *more])
    for cell in range(1 + len(PLAIN)):
        notebook.run(cell)
    notebook.page.locator(".fedlab-demo").nth(len(PLAIN) - 1).wait_for()
    return notebook


def as_made(notebook):
    """The demos of `plain_notebook` as they were made, whatever the test before did to them."""
    notebook.page.set_viewport_size({"width": 1200, "height": 900})
    notebook.run(1 + len(PLAIN))
    until(lambda: notebook.page.locator(".fedlab-large").count() == 0)
    return notebook.page.locator(".fedlab-demo")


def held(notebook, place):
    """Of one demo of `plain_notebook` in Python: values, notes, and whether its type is large."""
    return json.loads(notebook.run(2 + len(PLAIN)))[place]


def agreed(notebook, cell):
    """Python and the views say the same, once the last message came; what each one's controls show.

    cell: where SAY is
    """
    deadline = time.monotonic() + 5
    while True:
        known = [json.loads(line) for line in notebook.run(cell).splitlines()]
        shown = notebook.page.locator(".fedlab-demo").all()[: len(DEMOS)]
        seen = [demo.evaluate(READ_DEMO) for demo in shown]
        if known == seen or time.monotonic() > deadline:
            assert known == seen
            return [values for values, *_ in known]
