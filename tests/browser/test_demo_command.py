"""`fedlab demo` as a room sees it: each demo alone on its page, in Chromium."""

import pytest
from app_directories import soon

from fedlab.data import cached
from fedlab.demos import CATALOGUE
from fedlab.keeper.belongings import belongings

pytestmark = pytest.mark.browser

needs_mnist = pytest.mark.skipif(
    cached("mnist") is None, reason="MNIST is not in the cache: python -m fedlab.data mnist"
)
# how much red is in a page's ground and in a demo's text, from 0 to 255
COLOURS = """() => {
  const colours = [getComputedStyle(document.documentElement).backgroundColor,
    getComputedStyle(document.querySelector(".fedlab-demo")).color];
  return colours.map((colour) => Number(colour.match(/\\d+/)[0]));
}"""
OVERFLOW = "() => document.documentElement.scrollWidth - innerWidth"


def kernels(server):
    running = belongings(str(server.keeper.folder))
    return [one for one in running if "ipykernel_launcher" in " ".join(one.cmdline())]


@pytest.mark.parametrize(
    "entry",
    [pytest.param(e, id=e.name, marks=() if e.takes_model else needs_mnist) for e in CATALOGUE],
)
def test_a_demo_is_alone_on_its_page_in_large_type_and_asks_no_other_host(visit, entry):
    with visit(entry.name) as page:
        assert page.title() == f"{entry.title} · fedlab"
        assert page.get_by_role("heading").all_inner_texts() == [entry.title]
        assert page.locator(".fedlab-demo").count() == 1
        assert not page.get_by_text("Starting …").is_visible()
        assert page.get_by_role("button", name="Large type").get_attribute("aria-pressed") == "true"
        assert page.evaluate(OVERFLOW) <= 0
        page.set_viewport_size({"width": 1920, "height": 1080})
        assert page.evaluate(OVERFLOW) <= 0
        page.set_viewport_size({"width": 420, "height": 800})
        assert page.evaluate(OVERFLOW) <= 0


def test_it_is_as_light_or_dark_as_the_system_prefers(visit):
    with visit("bandwidth") as page:
        page.emulate_media(color_scheme="light")
        ground, text = page.evaluate(COLOURS)
        assert ground > 200 > 60 > text
        page.emulate_media(color_scheme="dark")
        ground, text = page.evaluate(COLOURS)
        assert ground < 60 < 200 < text


def test_the_list_links_to_every_demo_and_each_to_all_others(visit):
    titles = [entry.title for entry in CATALOGUE]
    with visit() as page:
        assert page.title() == "Demos · fedlab"
        assert page.get_by_role("link").all_inner_texts() == titles
        page.get_by_role("link", name="Memory on the server").click()
        page.locator(".fedlab-demo").wait_for()
        links = page.get_by_role("navigation").get_by_role("link")
        assert links.all_inner_texts() == ["All demos", *titles]
        assert page.locator("[aria-current=page]").inner_text() == "Memory on the server"
        *paths, last = [link.get_attribute("href") for link in links.all()]
        assert (paths[0], last) == ("/", "round.ipynb")
        links.first.click()
        page.get_by_role("heading", name="What federated learning costs").wait_for()


@needs_mnist
def test_two_windows_at_once_each_have_a_kernel_which_ends_when_its_window_is_closed(
    visit, demo_server
):
    assert soon(lambda: kernels(demo_server) == [])
    with visit("compression") as one, visit("compression") as other:
        assert len(kernels(demo_server)) == 2
        for page, word in ((one, "all"), (other, "random-k")):
            page.get_by_role("radio", name=word, exact=True).check()
        other.get_by_text("randomk:0.01 sends 510 of 50,890 values").wait_for()
        one.get_by_text("plain float32 sends 50,890 of 50,890 values").wait_for()
        one.close(run_before_unload=True)
        assert soon(lambda: len(kernels(demo_server)) == 1)
        other.get_by_role("radio", name="top-k", exact=True).check()
        other.get_by_text("topk:0.01 sends 510 of 50,890 values").wait_for()
    assert soon(lambda: kernels(demo_server) == [])
