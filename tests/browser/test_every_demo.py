"""What holds for every demo in a browser: keys, names, contrast, large type, layouts, links."""

import json
import time

import numpy as np
import pytest

from fedlab.widgets import BandwidthDemo, CompressionDemo, DeviceMemoryDemo, ServerMemoryDemo
from fedlab.widgets.controls import Choice

pytestmark = pytest.mark.browser

UPDATE = 'np.random.default_rng(0).laplace(0, 0.002, 5000).astype("float32")'
NAMES = ["BandwidthDemo", "DeviceMemoryDemo", "ServerMemoryDemo", "CompressionDemo"]
MAKE = f"""
import json, numpy as np, ipywidgets
from fedlab.widgets import *
def made():
    return [BandwidthDemo(), DeviceMemoryDemo(), ServerMemoryDemo(), CompressionDemo({UPDATE})]
demos = made()
demos[0]
"""
RESET = """
for demo, fresh in zip(demos, made()):
    demo.large = False
    for control in demo.controls():
        setattr(demo, control.name, getattr(fresh, control.name))
"""
SAY = """
print(json.dumps([[{c.name: getattr(d, c.name) for c in d.controls()}, d.notes, d.large]
    for d in demos]))
"""
LARGEST = """
for demo in demos:
    demo.large = True
    for control in demo.controls():
        most = control.high if hasattr(control, "high") else list(control.options)[-1]
        setattr(demo, control.name, most)
"""
LINKED = """
box, words = ipywidgets.FloatText(5), ipywidgets.Text("adam")
links = [ipywidgets.jslink((box, "value"), (demos[0], "cohort")),
    ipywidgets.jslink((words, "value"), (demos[1], "optimizer"))]
ipywidgets.VBox([box, words])
"""
LAYOUTS = """
row = ipywidgets.HBox(made())
narrow = ipywidgets.VBox(made(), layout={"width": "320px"})
tab = ipywidgets.Tab([ipywidgets.HTML("nothing"), *made()], titles=list("nbdsc"))
own = made()
for one in own:
    one.layout.width = "500px"
    one.large = True
own[0].layout.display = "none"
display(row, narrow, tab, *own)
"""
CELLS = [MAKE, "demos[1]", "demos[2]", "demos[3]", RESET, SAY, LARGEST, LINKED, LAYOUTS]
SPILLING = """demo => {
  const whole = demo.getBoundingClientRect();
  return [...demo.querySelectorAll("*")].filter((node) => {
    const box = node.getBoundingClientRect();
    return box.width > 0 && (box.left < whole.left - 1 || box.right > whole.right + 1);
  }).map((node) => node.outerHTML);
}"""
# what has the focus: its role, its name, whether it is inside this demo and shows that it has it
FOCUS = """demo => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  return {
    inside: demo.contains(at),
    kind: at.type,
    label: at.closest(".fedlab-control")?.firstChild.textContent ?? at.textContent,
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""
# contrast as WCAG counts it, of each text and of each bar's edge with what is behind it
CONTRASTS = """demo => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (colours) => { // paint one over the other, as the page does
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
  };
  const grounds = (node) => node === null ? ["white"] :
    [...grounds(node.parentElement), getComputedStyle(node).backgroundColor];
  const light = (parts) => {
    const [r, g, b] = parts.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (colour, behind) => {
    const both = [light(over([...behind, colour])), light(over(behind))];
    const [less, more] = both.sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);
  };
  const least = (selector, of) => Math.min(...[...demo.querySelectorAll(selector)].map(of));
  return {
    dark: light(over(grounds(demo))) < 0.5,
    text: least("label, .fedlab-control > span, output, dt, dd, figcaption span, button",
      (node) => contrast(getComputedStyle(node).color, grounds(node))),
    bars: least(".fedlab-bar", (bar) =>
      contrast(getComputedStyle(bar).borderTopColor, grounds(bar.parentElement))),
  };
}"""


def made():
    update = eval(UPDATE, {"np": np})
    return [BandwidthDemo(), DeviceMemoryDemo(), ServerMemoryDemo(), CompressionDemo(update)]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    notebook = open_notebook(CELLS)
    for cell in range(4):
        notebook.run(cell)
    notebook.page.locator(".fedlab-demo").nth(3).wait_for()
    return notebook


@pytest.fixture
def demos(notebook):
    """The four demos as they were made, whatever the test before did to them."""
    notebook.page.set_viewport_size({"width": 1200, "height": 900})
    notebook.run(4)
    until(lambda: notebook.page.locator(".fedlab-large").count() == 0)
    return notebook.page.locator(".fedlab-demo")


def until(holds):
    """Wait for what the kernel and the browser need a moment for."""
    deadline = time.monotonic() + 5
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert holds()


def said(notebook, place):
    """Of one demo in Python: its values, its notes, and whether its type is large."""
    return json.loads(notebook.run(5))[place]


def note(demo, label):
    return demo.locator(".fedlab-control", has_text=label).locator(".fedlab-note")


# --- by keyboard, and read aloud


@pytest.mark.parametrize("place", range(4), ids=NAMES)
def test_it_is_walked_and_set_by_keyboard_alone(notebook, demos, place):
    demo, keyboard = demos.nth(place), notebook.page.keyboard
    before, fresh = len(notebook.cells()), made()[place]
    first = demo.locator("input:is([type=range], :checked)").first
    first.focus()
    stops = []
    while (stop := demo.evaluate(FOCUS))["inside"]:
        assert stop["seen"], stop
        stops.append((stop["kind"], stop["label"]))
        for key in {"range": ["ArrowRight"], "text": ["Control+a", "9"]}.get(stop["kind"], []):
            keyboard.press(key)
        if stop["kind"] in ("range", "radio", "button"):
            for key in ("b", "d", "d"):  # JupyterLab would add a cell, and delete it
                keyboard.press(key)
        if stop["kind"] == "radio":
            keyboard.press("ArrowRight")
        if stop["kind"] == "button":
            keyboard.press("Space")
        assert len(stops) < 40, "a trap"
        keyboard.press("Tab")
    kinds = {True: ["radio"], False: ["range", "text"]}
    walked = [(k, c.label) for c in fresh.controls() for k in kinds[isinstance(c, Choice)]]
    assert stops == [*walked, ("button", "Large type")]
    first.focus()
    keyboard.press("Shift+Tab")
    assert not demo.evaluate(FOCUS)["inside"]
    assert len(notebook.cells()) == before
    until(lambda: said(notebook, place)[2])
    values, notes, _ = said(notebook, place)
    for control in fresh.controls():
        if isinstance(control, Choice):
            names = list(control.options)
            expected = names[(names.index(getattr(fresh, control.name)) + 1) % len(names)]
        else:
            expected = control.taken(9 * control.per_unit, control.low)[0]
        assert values[control.name] == expected
    assert set(notes) == {
        c.name for c in fresh.controls() if not isinstance(c, Choice) and 9 * c.per_unit > c.high
    }


@pytest.mark.parametrize("place", range(4), ids=NAMES)
def test_a_screen_reader_hears_names_values_and_the_headline(demos, place):
    fresh, snapshot = made()[place], demos.nth(place).aria_snapshot()
    expected = []
    for control in fresh.controls():
        value = getattr(fresh, control.name)
        if isinstance(control, Choice):
            expected += [f'- radiogroup "{control.label}":']
            expected += [
                f'- radio "{text}"{" [checked]" if name == value else ""}'
                for name, text in control.options.items()
            ]
        else:
            number = control.shown(value).removesuffix(f" {control.unit}")
            expected += [f'- slider "{control.label}"', f'- textbox "{control.label}": ']
            expected[-1] += f'"{number}"'
    expected += [fresh.readout().headline, '- button "Large type"']
    lines = iter(snapshot.splitlines())
    for words in expected:
        assert any(words in line for line in lines), f"{words} not heard in its turn:\n{snapshot}"
    headline = demos.nth(place).locator("output")
    assert headline.get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("place", range(4), ids=NAMES)
def test_every_note_is_a_status_that_its_input_names(demos, place):
    for control in demos.nth(place).locator(".fedlab-control").all():
        beside = control.locator(".fedlab-note")
        assert beside.get_attribute("role") == "status"
        name = beside.get_attribute("id")
        assert control.locator(f"[aria-describedby='{name}']").count() == 1


@pytest.mark.parametrize("place", range(4), ids=NAMES)
@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_texts_and_bars_can_be_told_from_what_is_behind_them(notebook, demos, place, theme):
    notebook.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
    )
    notebook.page.wait_for_function(
        "theme => document.body.dataset.jpThemeName === theme", arg=theme
    )
    seen = demos.nth(place).evaluate(CONTRASTS)
    assert seen["dark"] == theme.endswith("Dark")
    assert seen["text"] >= 4.5
    assert seen["bars"] >= 3


# --- large type


@pytest.mark.parametrize("place", range(4), ids=NAMES)
def test_the_button_makes_all_larger_and_python_hears_of_it(notebook, demos, place):
    demo = demos.nth(place)
    parts = ["label", "[type=range]", "[type=text]", "[type=radio]", "output", "dd", ".fedlab-bar"]
    parts = [part for part in parts if demo.locator(part).count()]

    def heights():
        return [demo.locator(part).first.bounding_box()["height"] for part in parts]

    normal = heights()
    button = demo.get_by_role("button", name="Large type")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    for part, small, large in zip(parts, normal, heights(), strict=True):
        assert large / small >= 1.4, part
    until(lambda: said(notebook, place)[2])
    button.click()
    assert heights() == normal


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=str)
def test_large_type_and_large_numbers_overflow_nowhere(notebook, demos, size):
    notebook.page.set_viewport_size({"width": size[0], "height": size[1]})
    notebook.run(6)
    until(lambda: notebook.page.locator(".fedlab-large").count() == 4)
    for place in range(4):
        assert demos.nth(place).evaluate(SPILLING) == []
        outer = demos.nth(place).locator("xpath=ancestor::*[contains(@class,'jp-OutputArea')][1]")
        assert demos.nth(place).bounding_box()["width"] <= outer.bounding_box()["width"]


# --- ipywidgets' own machinery, in the browser


def test_a_widget_linked_in_the_browser_sets_a_control_and_nonsense_is_said(notebook, demos):
    notebook.run(7)
    page, (bandwidth, device) = notebook.page, (demos.nth(0), demos.nth(1))
    box = page.locator(".widget-text input[type=number]")
    words = page.locator(".widget-text input[type=text]")
    cohort, optimizer = "Clients in the cohort", "Optimizer"

    def links(where, text, value, says):
        where.fill(text)
        where.press("Enter")
        demo, label, place, name = (
            (bandwidth, cohort, 0, "cohort")
            if where is box
            else (device, optimizer, 1, "optimizer")
        )
        until(lambda: note(demo, label).text_content() == says)
        until(lambda: said(notebook, place)[0][name] == value)
        until(lambda: said(notebook, place)[1] == ({name: says} if says else {}))
        until(lambda: note(demo, label).text_content() == says)  # and so it stays

    links(box, "30", 30, "")
    links(box, "-5", 1, "-5 is too small; the least is 1")
    links(box, "2.5", 3, "2.5 is rounded to 3")
    links(box, "1e300", 10**6, "1e+300 is too large; the most is 1000000")
    links(box, "7", 7, "")
    links(words, "adam", "adam", "")
    links(words, "lamb", "adam", '"lamb" is none of sgd, momentum, adam, adamw; it stays adam')
    links(words, "sgd", "sgd", "")
    assert notebook.problems() == []


def test_every_layout_holds_it(notebook, demos):
    first = demos.count()
    notebook.run(8)
    page = notebook.page
    until(lambda: demos.count() >= first + 12)
    for each in demos.all()[first : first + 4]:  # side by side, as narrow as need be
        assert each.bounding_box()["width"] > 200
    for each in demos.all()[first + 4 : first + 8]:
        assert each.bounding_box()["width"] <= 320
        assert each.evaluate(SPILLING) == []
    for name in "bdsc":
        page.get_by_role("tab", name=name, exact=True).click()
        shown = page.locator(".widget-tab .fedlab-demo:visible")
        until(lambda shown=shown: shown.count() == 1)
        shown.locator("[type=radio], [type=range]").first.focus()
        page.keyboard.press("ArrowRight")
        assert shown.locator("output").inner_text()
        assert shown.evaluate(SPILLING) == []
    own = demos.all()[-4:]
    assert not own[0].is_visible()
    for each in own[1:]:
        assert each.bounding_box()["width"] <= 500
        assert each.evaluate(SPILLING) == []
    assert notebook.problems() == []
