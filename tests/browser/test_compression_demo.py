"""The compression demo as a reader has it: each control answered by the kernel, and drawn."""

import json
import time
from itertools import pairwise

import numpy as np
import pytest
from demo_view import drag, group, radio, set_theme, slider
from notebook_page import READ_DEMO

from fedlab.codecs import parse
from fedlab.widgets import CompressionDemo
from fedlab.widgets.controls import Choice

pytestmark = pytest.mark.browser

UPDATE = 'np.random.default_rng(0).laplace(0, 0.002, (64, 784)).astype("float32")'
SHOW = f"import numpy as np\nfrom fedlab.widgets import CompressionDemo\nCompressionDemo({UPDATE})"
RESET = """
for control in _1.controls():
    setattr(_1, control.name, getattr(CompressionDemo(np.ones(1)), control.name))
"""
SAY = """
import json
said = _1.readout()
values = {c.label: c.shown(getattr(_1, c.name)) for c in _1.controls()}
drawn = [count > 0 for count in _1._answer["kept"]]
print(json.dumps([values, said.headline, dict(said.rows), drawn]))
"""
NARROW = """
import ipywidgets
tiny = CompressionDemo(np.linspace(-3e-5, 3e-5, 1000))
ipywidgets.VBox([tiny], layout={"width": "300px"})
"""
REFUSED = 'CompressionDemo(np.array([1e9]), keep="all", values="float16")'
READ = f"""demo => [
  ...({READ_DEMO})(demo),
  [...demo.querySelectorAll(".fedlab-bins .fedlab-front")].map((bar) => bar.clientHeight > 0),
]"""
HEIGHTS = """([demo, name]) =>
  [...demo.querySelectorAll(`.fedlab-bins .${name}`)].map((bar) => bar.clientHeight)"""
# the contrast of two colours as WCAG counts it, and of a demo's texts and bars with what is behind
CONTRASTS = """demo => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const linear = parts.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const contrast = (one, other) => {
    const [less, more] = [light(one), light(other)].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);
  };
  const style = (selector) => getComputedStyle(demo.querySelector(selector));
  const probe = document.body.appendChild(document.createElement("div"));
  probe.style.background = "var(--jp-layout-color0)";
  const ground = getComputedStyle(probe).backgroundColor;
  probe.remove();
  const [behind, front] = ["behind", "front"].map((n) => style(`.fedlab-${n}`).backgroundColor);
  return {
    dark: light(ground) < 0.5,
    text: Math.min(...[".fedlab-ticks span", ".fedlab-line span", "figcaption", "dt"].map(
      (selector) => contrast(style(selector).color, ground))),
    bars: Math.min(...[[behind, ground], [front, ground], [front, behind]].map(
      (pair) => contrast(...pair))),
  };
}"""
NUMBERS = [c for c in CompressionDemo.controls() if not isinstance(c, Choice)]
CHOICES = [c for c in CompressionDemo.controls() if isinstance(c, Choice)]
USED_BY = {"fraction": "top-k", "threshold": "threshold"}


def name_of(control):
    return control.name


@pytest.fixture(scope="module")
def notebook(open_notebook):
    notebook = open_notebook([SHOW, RESET, SAY, NARROW, REFUSED])
    notebook.run_all()
    notebook.page.locator(".fedlab-demo").nth(2).wait_for()
    return notebook


@pytest.fixture
def demo(notebook):
    """The demo as it was made, whatever the test before did to it."""
    notebook.run(1)
    demo = notebook.page.locator(".fedlab-demo").first
    agreed(notebook, demo)
    return demo


def agreed(notebook, demo):
    """Python and the view say and draw the same, once the last message came; values and rows."""
    deadline = time.monotonic() + 5
    while True:
        known, seen = json.loads(notebook.run(2)), demo.evaluate(READ)
        if known == seen or time.monotonic() > deadline:
            assert known == seen
            return known[0], known[2]


def heights(demo, name):
    return demo.page.evaluate(HEIGHTS, [demo.element_handle(), name])


@pytest.mark.parametrize("control", NUMBERS, ids=name_of)
def test_a_slider_is_answered_by_the_kernel(notebook, demo, control):
    radio(demo, USED_BY[control.name]).check()
    values, before = agreed(notebook, demo)
    slider(demo, control.label).press("ArrowRight")
    slider(demo, control.label).press("ArrowUp")
    more, after = agreed(notebook, demo)
    assert float(more[control.label]) > float(values[control.label])
    assert after["Codec"] != before["Codec"]
    assert after["Encoded"] != before["Encoded"]
    for key, limit in (("End", control.high), ("Home", control.low)):
        slider(demo, control.label).press(key)
        values, _ = agreed(notebook, demo)
        assert float(values[control.label]) == limit


@pytest.mark.parametrize("control", NUMBERS, ids=name_of)
def test_a_drag_ends_with_the_answer_to_its_end(notebook, demo, control):
    radio(demo, USED_BY[control.name]).check()
    drag(slider(demo, control.label), 0.3, 0.7)
    values, rows = agreed(notebook, demo)
    assert control.low < float(values[control.label]) < control.high
    number = rows["Codec"].removesuffix("|int8").split(":")[1]
    assert float(number) == float(values[control.label])


@pytest.mark.parametrize("control", CHOICES, ids=name_of)
def test_each_option_is_reached_by_arrow_keys_and_said(notebook, demo, control):
    options = group(demo, control.label)
    buttons = options.get_by_role("radio")
    buttons.first.check()
    _, rows = agreed(notebook, demo)
    for text in [*control.options.values()][1:]:
        options.get_by_role("radio", checked=True).press("ArrowRight")
        before, (values, rows) = rows, agreed(notebook, demo)
        assert values[control.label] == text
        assert rows["Codec"] != before["Codec"]
        assert rows["Encoded"] != before["Encoded"]


def test_what_is_shown_is_what_the_text_does_in_another_process(notebook, demo):
    update = eval(UPDATE, {"np": np})
    for keep in ("threshold", "top-k", "random-k"):
        for values in ("float16", "int4", "int2"):
            radio(demo, keep).check()
            radio(demo, values).check()
            radio(demo, "stochastic").check()
            _, rows = agreed(notebook, demo)
            codec = parse(rows["Codec"])
            blob = codec.encode(update, seed=0)
            lost = np.linalg.norm(codec.decode(blob, update.shape) - update)
            assert rows["Encoded"] == f"{len(blob):,} B"
            assert float(rows["Relative error"]) == pytest.approx(
                lost / np.linalg.norm(update), rel=0.01
            )


def test_a_kept_bin_is_as_high_as_the_whole_and_a_drawn_one_lower(notebook, demo):
    radio(demo, "threshold").check()
    agreed(notebook, demo)
    whole, kept = heights(demo, "fedlab-behind"), heights(demo, "fedlab-front")
    middle = len(whole) // 2
    assert kept[middle] < whole[middle] == max(whole)
    assert kept[: middle - 3] == whole[: middle - 3]
    radio(demo, "random-k").check()
    agreed(notebook, demo)
    kept = heights(demo, "fedlab-front")
    assert 0 < kept[middle] < whole[middle]
    assert all(some <= all_ for some, all_ in zip(kept, whole, strict=True))
    assert heights(demo, "fedlab-behind") == whole


def test_what_cannot_be_encoded_is_said_and_nothing_is_drawn_as_sent(notebook, demo):
    refused = notebook.page.locator(".fedlab-demo").nth(2)
    assert "do not fit into float16" in refused.locator("output").text_content()
    assert refused.locator("dl > div").count() == 0
    assert not any(heights(refused, "fedlab-front"))


def test_every_input_has_a_name_and_its_own_keys(notebook, demo):
    inputs = demo.locator("input").all()
    assert len(inputs) == 2 * len(NUMBERS) + sum(len(c.options) for c in CHOICES)
    for each in inputs:
        assert each.get_attribute("data-lm-suppress-shortcuts") == "true"
        assert each.get_attribute("aria-labelledby") or each.evaluate("it => it.labels.length")
    assert demo.get_by_role("img", name="Histogram").count() == 1


def test_a_narrow_demo_overflows_nowhere(notebook, demo):
    narrow = notebook.page.locator(".fedlab-demo").nth(1)
    box = narrow.bounding_box()
    assert box["width"] <= 300
    labels = [each.bounding_box() for each in narrow.locator(".fedlab-ticks span").all()]
    shown = sorted((each for each in labels if each), key=lambda label: label["x"])
    assert len(shown) == 3
    for left, right in pairwise(shown):
        assert left["x"] + left["width"] < right["x"]
    for each in narrow.locator("*").all():
        if part := each.bounding_box():
            assert box["x"] <= part["x"]
            assert part["x"] + part["width"] <= box["x"] + box["width"] + 1


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_text_and_bars_can_be_told_from_their_ground(notebook, demo, theme):
    set_theme(notebook, theme)
    seen = demo.evaluate(CONTRASTS)
    assert seen["dark"] == theme.endswith("Dark")
    assert seen["text"] >= 4.5
    assert seen["bars"] >= 2


def test_nothing_went_wrong_and_nothing_was_asked_of_another_machine(notebook, demo):
    assert notebook.problems() == []
