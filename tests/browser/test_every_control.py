"""Every slider and every choice of every demo, moved by mouse and by keyboard, and its readout."""

import pytest
from demo_cells import DEMOS, MAKE, RESET, SAY, SHOW, agreed
from demo_view import drag, group, slider

from fedlab.widgets.controls import Choice

pytestmark = pytest.mark.browser

CELLS = [MAKE, *SHOW, RESET, SAY]
RESETS, SAYS = CELLS.index(RESET), CELLS.index(SAY)
CONTROLS = [
    pytest.param(place, control, id=f"{demo.__name__}-{control.name}")
    for place, demo in enumerate(DEMOS)
    for control in demo.controls()
    if control.name != "step"  # its limit is the run's: test_round_stepped.py
]
NUMBERS = [each for each in CONTROLS if not isinstance(each.values[1], Choice)]
CHOICES = [each for each in CONTROLS if isinstance(each.values[1], Choice)]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    notebook = open_notebook(CELLS)
    notebook.run_all()
    notebook.page.locator(".fedlab-demo").nth(len(DEMOS) - 1).wait_for()
    return notebook


@pytest.fixture
def demos(notebook):
    """The demos as they were made, whatever the test before did to them."""
    notebook.run(RESETS)
    agreed(notebook, SAYS)
    return notebook.page.locator(".fedlab-demo")


def value_of(notebook, place, control):
    """What a number is, as Python and the view both say, in the trait's own unit."""
    shown = agreed(notebook, SAYS)[place][control.label]
    return float(shown.split()[0]) * control.per_unit


@pytest.mark.parametrize(("place", "control"), NUMBERS)
def test_arrow_keys_move_a_slider_and_python_hears_of_it(notebook, demos, place, control):
    moved = slider(demos.nth(place), control.label)
    moved.press("Home")
    least = value_of(notebook, place, control)
    assert least in (control.low, control.per_unit / 10**control.decimals)
    moved.press("ArrowRight")
    moved.press("ArrowUp")
    assert value_of(notebook, place, control) > least
    moved.press("End")
    assert value_of(notebook, place, control) == control.high


@pytest.mark.parametrize(("place", "control"), NUMBERS)
def test_a_slider_follows_the_mouse(notebook, demos, place, control):
    drag(slider(demos.nth(place), control.label), 0.2, 0.6)
    assert control.low < value_of(notebook, place, control) < control.high


@pytest.mark.parametrize(("place", "control"), CHOICES)
def test_arrow_keys_go_from_option_to_option(notebook, demos, place, control):
    options = group(demos.nth(place), control.label)
    buttons = options.get_by_role("radio")
    assert options.get_by_role("radio", checked=True).count() == 1
    buttons.first.check()
    buttons.first.focus()
    for index, text in enumerate([*control.options.values()][1:], start=1):
        notebook.page.keyboard.press("ArrowRight")
        assert buttons.nth(index).is_checked()
        assert buttons.nth(index).evaluate("button => button === document.activeElement")
        assert agreed(notebook, SAYS)[place][control.label] == text
        buttons.nth(index).focus()  # a cell was run in between
    notebook.page.keyboard.press("b")  # JupyterLab would add a cell
    assert len(notebook.cells()) == len(CELLS)
    notebook.page.keyboard.press("ArrowDown")  # round and round
    notebook.page.keyboard.press("ArrowUp")
    assert agreed(notebook, SAYS)[place][control.label] == text


@pytest.mark.parametrize(("place", "control"), CHOICES)
def test_an_option_is_taken_by_a_click_on_its_word(notebook, demos, place, control):
    options = group(demos.nth(place), control.label)
    for value, text in reversed(control.options.items()):
        options.get_by_text(text, exact=True).click()
        assert options.get_by_role("radio", checked=True).get_attribute("value") == value
        assert agreed(notebook, SAYS)[place][control.label] == text
    options.get_by_text(text, exact=True).click()  # the same again changes nothing
    assert agreed(notebook, SAYS)[place][control.label] == text


def test_nothing_went_wrong_and_nothing_was_asked_of_another_machine(notebook, demos):
    assert notebook.problems() == []
