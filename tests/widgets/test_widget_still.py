"""What a demo's table says of it: enough for its view to say the same where no kernel runs."""

import importlib
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from states import put, states

from fedlab import widgets
from fedlab.widgets import CompressionDemo, RoundDemo, ServerMemoryDemo
from fedlab.widgets.controls import Choice

DEMOS = [getattr(widgets, name) for name in widgets.__all__]
KINDS = [demo for demo in DEMOS if not demo.needs_kernel]
EXTENSIONS = Path(__file__).parents[2] / "site/extensions"


@pytest.fixture(scope="module", params=KINDS)
def demo(request):
    return request.param("pythia-14m")


@pytest.fixture(scope="module")
def node(start_node, demo):
    return start_node(type(demo))


@pytest.fixture
def live_demos(monkeypatch):
    """The site's extension that brings the views back."""
    monkeypatch.syspath_prepend(EXTENSIONS)
    return importlib.import_module("live_demos")


class Table(HTMLParser):
    """The attributes of a page's table."""

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.found = dict(attrs)


def table(demo):
    parser = Table()
    parser.feed(demo._repr_mimebundle_()[0]["text/html"])
    return parser.found


def state(demo):
    return json.loads(table(demo)["data-state"])


def test_the_table_names_its_demo_and_holds_what_the_view_gets(demo):
    assert table(demo)["class"] == "fedlab-still"
    assert table(demo)["data-demo"] == type(demo).__name__
    names = {"_given", "large", "notes", *(control.name for control in demo.controls())}
    assert set(state(demo)) == names | ({"playing"} if isinstance(demo, RoundDemo) else set())
    assert state(demo) == demo.get_state(list(state(demo)))


def test_it_is_small_and_in_one_order(demo):
    text = table(demo)["data-state"]
    assert len(text) < 500
    assert text == json.dumps(json.loads(text), sort_keys=True)


def test_a_demo_that_needs_a_kernel_is_a_table_alone():
    demo = CompressionDemo(np.linspace(-1, 1, 1000))
    assert demo.needs_kernel
    assert table(demo) == {"class": "fedlab-still"}


@given(data=st.data(), step=st.integers(0, 300))
def test_the_view_says_from_the_table_what_python_says(node, demo, data, step):
    put(demo, data.draw(states(demo)))
    if isinstance(demo, RoundDemo):
        demo.step = step
    held = state(demo)
    said, seen = demo.readout(), node.ask("readout", held | held["_given"])
    assert seen["headline"] == said.headline
    assert tuple((label, value) for label, value, *_ in seen["rows"]) == said.rows


@given(text=st.text())
def test_whatever_is_typed_comes_through_html(text):
    demo = ServerMemoryDemo()
    for control in demo.controls():
        setattr(demo, control.name, text if isinstance(control, Choice) else f"{text}<&\"'")
    assert len(demo.notes) >= 4
    assert state(demo) == demo.get_state(list(state(demo)))


# --- what the site makes of a view


@pytest.mark.parametrize(
    "module",
    [
        "export const one = 1;\n",
        "export default {};\nexport default {};\n",
        'import { make } from "./controls.js";\nexport default {};\n',
        "const one = 1;\nexport { one };\nexport default {};\n",
    ],
)
def test_a_module_that_is_no_single_view_is_refused(live_demos, module):
    with pytest.raises(ValueError, match="one default export, without imports and export lists"):
        live_demos.scoped(module)


@pytest.mark.parametrize("kind", KINDS)
def test_a_view_becomes_a_classic_script(live_demos, kind):
    lines = live_demos.script(kind.__name__).splitlines()
    assert not [line for line in lines if line.startswith(("import", "export"))]
    assert lines[1].startswith(f"window.fedlabDemos.{kind.__name__} = {{ controls: [")
