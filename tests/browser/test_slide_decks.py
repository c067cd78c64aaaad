"""The lessons' decks as a room sees them: in Chromium, from files, at two projectors' sizes."""

from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from fedlab.paths import shipped
from fedlab.slides import build

pytestmark = pytest.mark.browser

LESSONS = sorted(shipped("lessons").glob("[0-9][0-9]_*.ipynb"))
ONE = "05_bandwidth_formula"
SCREENS = [{"width": 1280, "height": 720}, {"width": 1920, "height": 1080}]
# Of each slide, while it is shown: its title, by how much it overflows, whether all of it is within
# the screen, its smallest type in px of a screen of 1280 × 720, and its pictures.
MEASURE = """() => Reveal.getSlides().map((slide) => {
  const { h, v } = Reveal.getIndices(slide);
  Reveal.slide(h, v);
  const page = slide.querySelector(".page");
  const words = (node) => [...node.childNodes].some((child) =>
    child.nodeType === Node.TEXT_NODE && child.textContent.trim());
  const seen = [...page.querySelectorAll("*")].filter((node) => node.getClientRects().length);
  const boxes = seen.map((node) => node.getBoundingClientRect());
  return {
    title: page.querySelector("h1, h2, h3").textContent,
    overflow: [page.scrollWidth - page.clientWidth, page.scrollHeight - page.clientHeight],
    inside: boxes.every((box) => box.left >= 0 && box.top >= 0 &&
      box.right <= innerWidth && box.bottom <= innerHeight),
    type: Math.min(...seen.filter(words).map((node) => parseInt(getComputedStyle(node).fontSize))),
    pictures: [...page.querySelectorAll("img")].map((image) => ({
      scale: Math.min(image.clientWidth / image.naturalWidth,
        image.clientHeight / image.naturalHeight),
      alt: image.alt,
    })),
  };
})"""


@pytest.fixture(scope="module")
def decks(chromium, tmp_path_factory):
    """A folder with every lesson's deck, and one that is too long for its slide."""
    folder = tmp_path_factory.mktemp("slides")
    long = new_notebook(cells=[new_markdown_cell("# Long\n\n" + "word " * 2000)])
    nbformat.write(long, folder / "long.ipynb")
    build([*LESSONS, folder / "long.ipynb"], folder, lambda line: None)
    return folder


@pytest.fixture(scope="module")
def page(browser, decks):
    """A page that remembers what went wrong on it, and what it asked for from elsewhere."""
    page = browser.new_context(viewport=SCREENS[0]).new_page()
    page.problems = []

    def request(made):
        if urlsplit(made.url).scheme == "data" or made.url.startswith(decks.as_uri()):
            return
        page.problems.append(f"request to {made.url}")

    page.on("request", request)
    page.on("requestfailed", lambda failed: page.problems.append(f"no {failed.url}"))
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    page.context.close()


def shown(page, decks, name, query=""):
    """The deck, ready, on the page."""
    page.problems.clear()
    page.set_viewport_size(SCREENS[0])
    page.goto(f"{(decks / name).with_suffix('.html').as_uri()}{query}")
    page.wait_for_function("() => window.Reveal?.isReady()")
    page.evaluate("() => document.fonts.ready.then(() => null)")
    return page


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_every_slide_fits_the_screen_and_is_legible(page, decks, lesson):
    shown(page, decks, lesson.stem)
    for screen in SCREENS:
        page.set_viewport_size(screen)
        page.wait_for_function("scale => Reveal.getScale() === scale", arg=screen["width"] / 1280)
        for slide in page.evaluate(MEASURE):
            assert slide["overflow"] == [0, 0], slide
            assert slide["inside"], slide
            assert slide["type"] >= 18, slide
            for picture in slide["pictures"]:
                assert picture["scale"] >= 1.1, slide
                assert picture["alt"], slide
    assert page.problems == []


def test_keys_go_through_every_slide_in_order_and_back(page, decks):
    shown(page, decks, ONE)
    slides = page.evaluate("() => Reveal.getTotalSlides()")
    forward = []
    for key in ["ArrowRight", "Space", "PageDown"] * slides:
        forward.append(page.evaluate("() => Reveal.getSlidePastCount()"))
        if len(forward) == slides:
            break
        page.keyboard.press(key)
    assert forward == list(range(slides))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageUp")
    assert page.evaluate("() => Reveal.getSlidePastCount()") == slides - 3
    page.keyboard.press("Home")
    assert page.evaluate("() => Reveal.isFirstSlide()")


def test_escape_shows_the_overview_and_a_reload_the_same_slide(page, decks):
    shown(page, decks, ONE)
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert page.evaluate("() => Reveal.isOverview()")
    page.keyboard.press("Escape")
    assert not page.evaluate("() => Reveal.isOverview()")
    page.wait_for_function("() => location.hash !== ''")
    page.reload()
    page.wait_for_function("() => window.Reveal?.isReady()")
    assert page.evaluate("() => Reveal.getSlidePastCount()") == 4
    assert page.problems == []


def test_a_deck_prints_a_page_for_each_slide(page, decks):
    shown(page, decks, ONE)
    slides = page.evaluate("() => Reveal.getTotalSlides()")
    shown(page, decks, ONE, "?print-pdf")
    page.wait_for_function("() => document.querySelector('.pdf-page')")
    assert page.locator(".pdf-page").count() == slides
    assert page.problems == []


def test_what_cannot_be_split_can_be_scrolled(page, decks):
    shown(page, decks, "long")
    of_page = "page => [page.scrollHeight > page.clientHeight, getComputedStyle(page).overflowY]"
    assert page.locator(".page").evaluate(of_page) == [True, "auto"]


def test_text_and_code_can_be_told_from_their_ground(page, decks):
    shown(page, decks, ONE)
    colours = page.evaluate(
        """() => [...document.querySelectorAll(".page *")]
          .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3))
          .map((node) => getComputedStyle(node).color)"""
    )
    ground = luminance(page.locator(".highlight pre").first.evaluate(GROUND))
    contrasts = {c: (ground + 0.05) / (luminance(c) + 0.05) for c in set(colours)}
    assert {colour: ratio for colour, ratio in contrasts.items() if ratio < 4.5} == {}
    assert len(contrasts) > 3


GROUND = "node => getComputedStyle(node).backgroundColor"


def luminance(colour):
    """WCAG's relative luminance of an `rgb(…)`."""
    parts = [int(part) / 255 for part in colour.strip("rgb()").split(",")]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_index_leads_to_every_deck(page, decks):
    page.problems.clear()
    page.goto((decks / "index.html").as_uri())
    links = page.locator("li > a")
    assert links.count() == len(LESSONS) + 1
    links.first.click()
    page.wait_for_function("() => window.Reveal?.isReady()")
    assert page.problems == []
