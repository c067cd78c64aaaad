"""No serious fault by axe-core's judgement: demos alone and in JupyterLab, and the slides."""

import pytest
from axe import serious
from demo_cells import DEMOS, MAKE
from demo_view import set_theme

from fedlab.data import cached
from fedlab.demos import CATALOGUE
from fedlab.paths import shipped
from fedlab.slides import build

pytestmark = pytest.mark.browser

PAGES = [
    pytest.param(
        entry.name,
        marks=pytest.mark.skipif(
            not entry.takes_model and cached("mnist") is None,
            reason="MNIST is not in the cache: python -m fedlab.data mnist",
        ),
    )
    for entry in CATALOGUE
]
SCHEMES = ["light", "dark"]
ALL = f"{MAKE}\nipywidgets.VBox(demos)"
LARGE = "for demo in demos:\n    demo.large = True"
# axe takes what lies outside its window, or in a body without a height, for hidden
WHOLE = {"width": 1200, "height": 6000}
BODY = "body { height: 100vh }"
PALE = "demo => { demo.querySelector('output').style.color = '#bbb'; }"
# a deck, and what the slide of it has that is judged
SLIDES = {
    "02_memory_breakdown": "table",
    "05_bandwidth_formula": "img",
    "07_smaller_updates": ".highlight",
}
GO_TO = """kind => {
  const slide = Reveal.getSlides().find((slide) => slide.querySelector(kind));
  const { h, v } = Reveal.getIndices(slide);
  Reveal.slide(h, v);
}"""


@pytest.mark.parametrize("name", PAGES)
def test_a_demo_on_its_page(visit, name):
    with visit(name) as page:
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert serious(page) == []
        page.get_by_role("button", name="Large type").click()
        assert serious(page) == []


@pytest.mark.parametrize("path", ["", "voila/render/nosuch.ipynb"], ids=["list", "error"])
def test_the_pages_beside_the_demos(browser, demo_server, path):
    page = browser.new_page()
    page.goto(f"{demo_server.address()}{path}")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert serious(page) == []
    page.close()


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """All demos in JupyterLab, at once in sight."""
    notebook = open_notebook([ALL, LARGE])
    notebook.page.set_viewport_size(WHOLE)
    notebook.page.add_style_tag(content=BODY)
    notebook.run(0)
    notebook.page.locator(".fedlab-demo").nth(len(DEMOS) - 1).wait_for()
    return notebook


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_the_demos_in_jupyterlab_in_both_themes_and_large(notebook, theme):
    set_theme(notebook, theme)
    assert serious(notebook.page, within=".fedlab-demo") == []
    notebook.run(1)
    notebook.page.locator(".fedlab-large").nth(len(DEMOS) - 1).wait_for()
    assert serious(notebook.page, within=".fedlab-demo") == []


def test_a_fault_in_any_of_them_would_be_found(notebook):
    set_theme(notebook, "JupyterLab Light")
    for demo in notebook.page.locator(".fedlab-demo").all():
        demo.evaluate(PALE)
    found = serious(notebook.page, within=".fedlab-demo")
    assert ["color-contrast" in line for line in found] == [True] * len(DEMOS)


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decks")
    build([shipped("lessons") / f"{name}.ipynb" for name in SLIDES], folder, lambda line: None)
    return folder


def test_the_index_of_the_slides(browser, decks):
    page = browser.new_page()
    page.goto((decks / "index.html").as_uri())
    assert serious(page) == []
    page.close()


@pytest.mark.parametrize("name", SLIDES)
def test_a_slide_with_a_table_a_figure_or_code(browser, decks, name):
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.goto((decks / f"{name}.html").as_uri())
    page.wait_for_function("() => window.Reveal?.isReady()")
    page.evaluate(GO_TO, SLIDES[name])
    assert serious(page) == []
    page.context.close()
