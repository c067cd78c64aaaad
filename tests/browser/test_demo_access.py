"""Every demo without a mouse and without eyes: keys, names, notes, contrast."""

import pytest
from demo_cells import PLAIN, as_made, held, made, plain_notebook
from demo_view import set_theme, until

from fedlab.widgets.controls import Choice

pytestmark = pytest.mark.browser

NAMES = [demo.__name__ for demo in PLAIN]
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


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return plain_notebook(open_notebook)


@pytest.fixture
def demos(notebook):
    return as_made(notebook)


@pytest.mark.parametrize("place", range(len(PLAIN)), ids=NAMES)
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
    until(lambda: held(notebook, place)[2])
    values, notes, _ = held(notebook, place)
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


@pytest.mark.parametrize("place", range(len(PLAIN)), ids=NAMES)
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


@pytest.mark.parametrize("place", range(len(PLAIN)), ids=NAMES)
def test_every_note_is_a_status_that_its_input_names(demos, place):
    for control in demos.nth(place).locator(".fedlab-control").all():
        beside = control.locator(".fedlab-note")
        assert beside.get_attribute("role") == "status"
        name = beside.get_attribute("id")
        assert control.locator(f"[aria-describedby='{name}']").count() == 1


@pytest.mark.parametrize("place", range(len(PLAIN)), ids=NAMES)
@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_texts_and_bars_can_be_told_from_what_is_behind_them(notebook, demos, place, theme):
    set_theme(notebook, theme)
    seen = demos.nth(place).evaluate(CONTRASTS)
    assert seen["dark"] == theme.endswith("Dark")
    assert seen["text"] >= 4.5
    assert seen["bars"] >= 3
