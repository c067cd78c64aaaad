"""Every demo in large type, in every layout, and linked to another widget."""

import pytest
from demo_cells import PLAIN, as_made, held, plain_notebook
from demo_view import note, overflowing, until

pytestmark = pytest.mark.browser

NAMES = [demo.__name__ for demo in PLAIN]
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
row = ipywidgets.HBox(made()[:4])
narrow = ipywidgets.VBox(made()[:4], layout={"width": "320px"})
tab = ipywidgets.Tab([ipywidgets.HTML("nothing"), *made()[:4]], titles=list("nbdsc"))
own = made()[:4]
for one in own:
    one.layout.width = "500px"
    one.large = True
own[0].layout.display = "none"
display(row, narrow, tab, *own)
"""
MORE = [LARGEST, LINKED, LAYOUTS]
CELLS = 3 + len(PLAIN)  # before these


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return plain_notebook(open_notebook, *MORE)


@pytest.fixture
def demos(notebook):
    return as_made(notebook)


@pytest.mark.parametrize("place", range(len(PLAIN)), ids=NAMES)
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
    until(lambda: held(notebook, place)[2])
    button.click()
    assert heights() == normal


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=str)
def test_large_type_and_large_numbers_overflow_nowhere(notebook, demos, size):
    notebook.page.set_viewport_size({"width": size[0], "height": size[1]})
    notebook.run(CELLS + MORE.index(LARGEST))
    until(lambda: notebook.page.locator(".fedlab-large").count() == len(PLAIN))
    for place in range(len(PLAIN)):
        assert overflowing(demos.nth(place)) == []
        outer = demos.nth(place).locator("xpath=ancestor::*[contains(@class,'jp-OutputArea')][1]")
        assert demos.nth(place).bounding_box()["width"] <= outer.bounding_box()["width"]


def test_a_widget_linked_in_the_browser_sets_a_control_and_nonsense_is_said(notebook, demos):
    notebook.run(CELLS + MORE.index(LINKED))
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
        until(lambda: held(notebook, place)[0][name] == value)
        until(lambda: held(notebook, place)[1] == ({name: says} if says else {}))
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
    notebook.run(CELLS + MORE.index(LAYOUTS))
    page = notebook.page
    until(lambda: demos.count() >= first + 12)
    for each in demos.all()[first : first + 4]:  # side by side, as narrow as need be
        assert each.bounding_box()["width"] > 200
    for each in demos.all()[first + 4 : first + 8]:
        assert each.bounding_box()["width"] <= 320
        assert overflowing(each) == []
    for name in "bdsc":
        page.get_by_role("tab", name=name, exact=True).click()
        shown = page.locator(".widget-tab .fedlab-demo:visible")
        until(lambda shown=shown: shown.count() == 1)
        shown.locator("[type=radio], [type=range]").first.focus()
        page.keyboard.press("ArrowRight")
        assert shown.locator("output").inner_text()
        assert overflowing(shown) == []
    own = demos.all()[-4:]
    assert not own[0].is_visible()
    for each in own[1:]:
        assert each.bounding_box()["width"] <= 500
        assert overflowing(each) == []
    assert notebook.problems() == []
