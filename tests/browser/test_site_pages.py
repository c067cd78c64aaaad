"""The site as a reader meets it: in Chromium, from a web server and as files, wide and narrow."""

from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from axe import serious
from site_build import site  # noqa: F401
from web_server import served

pytestmark = pytest.mark.browser

WHOLE = ["index", "demos", "benchmarks", "api/codecs", "lessons/05_bandwidth_formula"]
NARROW = [*WHOLE, "map", "past_one_machine", "lessons/11_tensorflow_federated"]
# What the pages have in common is judged on WHOLE; here what is a page's own. axe takes seconds for
# the thousands of coloured pieces of code.
OWN = {"within": "article", "without": [".highlight pre span", ".sig span"]}
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def home(site):  # noqa: F811
    """The site's address on a server, in a folder of it and not at its root."""
    with served(site.parent) as address:
        yield f"{address}/{site.name}"


@contextmanager
def opened(browser, home, **context):
    """A page that keeps what went wrong on it, and what it asked for outside the site."""
    page = browser.new_context(**context).new_page()
    page.problems = []

    def request(made):
        if urlsplit(made.url).scheme not in ("data", "blob") and not made.url.startswith(home):
            page.problems.append(f"request to {made.url}")

    def response(got):
        if got.status >= 400:
            page.problems.append(f"{got.status} for {got.url}")

    def failed(asked):
        if asked.failure != "net::ERR_ABORTED":  # which is what leaving the page does to it
            page.problems.append(f"no {asked.url}: {asked.failure}")

    page.on("request", request)
    page.on("response", response)
    page.on("requestfailed", failed)
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    try:
        yield page
    finally:
        page.context.close()


def test_every_page_is_quiet_asks_for_nothing_elsewhere_and_can_be_read_by_all(
    browser,
    site,  # noqa: F811
    home,
):
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    assert len(names) > 50
    found = {}
    with opened(browser, home) as page:
        for name in names:
            page.problems.clear()
            page.goto(f"{home}/{name}")
            judged = not name.startswith("api/")  # which are of one mould: see WHOLE
            if wrong := [*page.problems, *(serious(page, **OWN) if judged else [])]:
                found[name] = wrong
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_can_be_read_by_all_with_its_frame_and_code_in_light_and_dark(browser, home, scheme):
    found = {}
    with opened(browser, home, color_scheme=scheme) as page:
        for name in [*WHOLE, "search"]:
            page.goto(f"{home}/{name}.html")
            if wrong := [*page.problems, *serious(page)]:
                found[name] = wrong
    assert found == {}


def test_on_a_phone_no_page_is_wider_than_the_screen(browser, home):
    with opened(browser, home, viewport={"width": 360, "height": 740}) as page:
        wide = {}
        for name in NARROW:
            page.goto(f"{home}/{name}.html")
            if (over := page.evaluate(OVERFLOW)) > 0:
                wide[name] = over
        assert wide == {}
        page.goto(f"{home}/map.html")
        assert serious(page) == []


@pytest.mark.parametrize("way", ["served", "as files"])
def test_search_finds_a_lesson_by_what_is_typed(browser, site, home, way):  # noqa: F811
    start = home if way == "served" else site.resolve().as_uri()
    with opened(browser, start) as page:
        page.goto(f"{start}/lessons/01_what_a_model_weighs.html")
        box = page.get_by_role("search").get_by_placeholder("Search")
        box.fill("error feedback")
        box.press("Enter")
        result = page.locator("#search-results a[href*='07_smaller_updates']").first
        result.click()
        page.wait_for_url("**/lessons/07_smaller_updates.html*")
        assert page.get_by_role("heading", name="Error feedback").is_visible()
        assert page.problems == []


def test_the_keyboard_reaches_the_content_first_and_what_scrolls(browser, home):
    with opened(browser, home, viewport={"width": 360, "height": 740}) as page:
        page.goto(f"{home}/benchmarks.html")
        page.keyboard.press("Tab")
        skip = page.locator(":focus")
        assert skip.inner_text() == "Skip to content"
        skip.press("Enter")
        page.keyboard.press("Tab")
        inside = "() => document.querySelector('article').contains(document.activeElement)"
        assert page.evaluate(inside)
        wide = page.locator(".table-wrapper[tabindex='0']").first
        wide.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.table-wrapper')].some((box) => box.scrollLeft)"
        )
