"""The demos on a page of the site: alive without a kernel, from a server and from a file."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from axe import serious
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_page import READ_DEMO, Notebook
from web_server import served

from fedlab.widgets import BandwidthDemo, DeviceMemoryDemo, RoundDemo, ServerMemoryDemo
from fedlab.widgets.controls import Choice

pytestmark = pytest.mark.browser

SITE = Path(__file__).parents[2] / "site"
CONFIGURATION = f"""
import sys
sys.path.insert(0, {str(SITE / "extensions")!r})
project = "demos"
extensions = ["myst_nb", "live_demos"]
html_theme = "furo"
html_favicon = {str(SITE / "static/favicon.svg")!r}
nb_execution_mode = "off"
"""
DEMOS = [BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo, RoundDemo]
PLACES = dict(zip(DEMOS, range(len(DEMOS)), strict=True))
# a round's step is beside its picture, and no setting
CONTROLS = [
    pytest.param(kind, control, id=f"{kind.__name__}-{control.name}")
    for kind in DEMOS
    for control in kind.controls()
    if control.name != "step"
]
SLIDERS = [each for each in CONTROLS if not isinstance(each.values[1], Choice)]
CHOICES = [each for each in CONTROLS if isinstance(each.values[1], Choice)]
SAME_IDS = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  return ids.filter((id, place) => ids.indexOf(id) !== place);
}"""


@pytest.fixture(scope="module")
def built(chromium, tmp_path_factory):
    """A site of two pages: a notebook as a lesson is stored, with each demo, and one without."""
    folder = tmp_path_factory.mktemp("site")
    cells = [new_markdown_cell("# Demos")]
    for kind in DEMOS:
        data, _ = kind("pythia-14m")._repr_mimebundle_()
        output = new_output("display_data", data={"text/html": data["text/html"]})
        cells.append(new_code_cell("demo", outputs=[output], execution_count=1))
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    nbformat.write(notebook, folder / "index.ipynb")
    (folder / "none.md").write_text("---\norphan: true\n---\n# No demo\n", "utf-8")
    (folder / "conf.py").write_text(CONFIGURATION, "utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(folder), str(folder / "html")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def address(built):
    """Where a server has the site."""
    with served(built) as address:
        yield address


@contextmanager
def opened(browser, address, **context):
    """A page in a context of its own, and what it complains about or asks for elsewhere."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}, **context).new_page()
    seen = Notebook(page)
    seen._watch()
    try:
        page.goto(address)
        yield page, seen
    finally:
        page.context.close()


@pytest.fixture(scope="module")
def page(browser, address):
    """The page with the demos; nothing may go wrong on it until the module is through."""
    with opened(browser, f"{address}/index.html") as (page, seen):
        yield page
        assert seen.errors + seen.foreign == []


def demo(page, kind):
    return page.locator(".fedlab-demo").nth(PLACES[kind])


def slider(page, kind, control):
    return demo(page, kind).get_by_role("slider", name=control.label, exact=True)


def agreed(page, kind):
    """The view shows what a demo in Python says, once that has the view's values; that demo."""
    values, headline, rows = demo(page, kind).evaluate(READ_DEMO)
    twin = kind("pythia-14m")
    for control in kind.controls():
        if isinstance(control, Choice):
            named = {text: value for value, text in control.options.items()}
            setattr(twin, control.name, named[values[control.label]])
        elif control.name != "step":
            setattr(twin, control.name, float(values[control.label].split()[0]) * control.per_unit)
    if kind is RoundDemo:
        twin.step = int(slider(page, kind, RoundDemo.step).input_value())
    said = twin.readout()
    assert (headline, rows) == (said.headline, dict(said.rows))
    shown = {c.label: c.shown(getattr(twin, c.name)) for c in kind.controls() if c.name != "step"}
    assert values == shown
    return twin


def test_every_picture_and_table_gave_way_to_its_view(page):
    assert page.locator(".fedlab-demo").count() == len(DEMOS)
    assert page.locator(".fedlab-still, .cell_output img").count() == 0
    for kind in DEMOS:
        assert repr(agreed(page, kind)) == repr(kind("pythia-14m"))
    assert page.evaluate(SAME_IDS) == []


@pytest.mark.parametrize(("kind", "control"), SLIDERS)
def test_arrow_keys_move_a_slider(page, kind, control):
    values = []
    for key in ("Home", "ArrowRight", "ArrowUp", "End"):
        slider(page, kind, control).press(key)
        values.append(getattr(agreed(page, kind), control.name))
    assert values == sorted(values)
    assert len(set(values)) == 4
    assert values[-1] == control.high


@pytest.mark.parametrize(("kind", "control"), SLIDERS)
def test_a_slider_follows_the_mouse(page, kind, control):
    slider(page, kind, control).scroll_into_view_if_needed()
    box = slider(page, kind, control).bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=8)
    page.mouse.up()
    assert control.low < getattr(agreed(page, kind), control.name) < control.high


@pytest.mark.parametrize(("kind", "control"), CHOICES)
def test_arrow_keys_go_from_option_to_option(page, kind, control):
    group = demo(page, kind).get_by_role("radiogroup", name=control.label, exact=True)
    chosen = []
    for _ in control.options:
        group.get_by_role("radio", checked=True).press("ArrowRight")
        chosen.append(getattr(agreed(page, kind), control.name))
    assert set(chosen) == set(control.options)


def test_a_typed_number_is_taken_and_nonsense_is_said(page):
    field = demo(page, BandwidthDemo).get_by_role("textbox", name="Rounds", exact=True)
    field.fill("37")
    assert agreed(page, BandwidthDemo).rounds == 37
    field.fill("many")
    field.press("Enter")
    assert agreed(page, BandwidthDemo).rounds == 37
    row = demo(page, BandwidthDemo).locator(".fedlab-control", has_text="Rounds")
    assert row.locator(".fedlab-note").inner_text() == '"many" is no number; it stays 37'


def test_large_type_is_for_one_demo(page):
    button = demo(page, ServerMemoryDemo).get_by_role("button", name="Large type")
    for count in (1, 0):
        button.click()
        assert page.locator(".fedlab-large").count() == count


def test_a_round_plays_to_its_end(browser, address):
    with opened(browser, f"{address}/index.html") as (page, seen):
        shown = demo(page, RoundDemo)
        shown.get_by_role("radio", name="fast", exact=True).check()
        slider(page, RoundDemo, RoundDemo.clients).press("Home")
        shown.get_by_role("button", name="Play", exact=True).click()
        shown.get_by_role("button", name="Pause", exact=True).wait_for()
        shown.get_by_role("button", name="Play", exact=True).wait_for()
        assert (agreed(page, RoundDemo).step, agreed(page, RoundDemo).last) == (4, 4)
        slider(page, RoundDemo, RoundDemo.step).press("ArrowLeft")
        assert agreed(page, RoundDemo).step == 3
        assert seen.errors + seen.foreign == []


def test_from_a_file_they_live_too(browser, built):
    with opened(browser, (built / "index.html").as_uri()) as (page, seen):
        for kind in DEMOS:
            slider(page, kind, kind.controls()[0]).press("ArrowRight")
            assert repr(agreed(page, kind)) != repr(kind("pythia-14m"))
        assert seen.errors == []
        assert {each[:16] for each in seen.foreign} == {"request to file:"}


def test_without_javascript_pictures_and_tables_stay(browser, address):
    with opened(browser, f"{address}/index.html", java_script_enabled=False) as (page, _):
        assert page.locator(".fedlab-demo").count() == 0
        assert page.locator(".cell_output img").count() == len(DEMOS)
        for kind in DEMOS:
            headline = kind("pythia-14m").readout().headline
            assert page.locator(".fedlab-still").get_by_text(headline, exact=True).is_visible()


def test_a_view_that_fails_leaves_its_own_picture_and_table(browser, address):
    with opened(browser, "about:blank") as (page, seen):
        broken = 'window.fedlabDemos.RoundDemo = { view: { render() { throw Error("broken"); } } };'
        page.route("**/RoundDemo.js*", lambda route: route.fulfill(body=broken))
        page.goto(f"{address}/index.html")
        assert page.locator(".fedlab-demo").count() == len(DEMOS) - 1
        assert page.locator(".fedlab-still").get_attribute("data-demo") == "RoundDemo"
        assert page.locator(".cell_output img").is_visible()
        assert "broken" in "".join(seen.errors)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out_in_light_or_dark(browser, address, scheme):
    with opened(browser, f"{address}/index.html", color_scheme=scheme) as (page, seen):
        assert serious(page, ".fedlab-demo") == []
        assert demo(page, RoundDemo).evaluate("it => getComputedStyle(it).colorScheme") == (
            "dark" if scheme == "dark" else "normal"
        )
        assert seen.errors + seen.foreign == []


def test_a_page_without_a_demo_loads_nothing_for_one(built):
    assert "demos/" in (built / "index.html").read_text("utf-8")
    assert "demos/" not in (built / "none.html").read_text("utf-8")
