"""A page of `fedlab demo` in a browser, with whatever goes wrong on it."""

from contextlib import contextmanager

from notebook_page import Notebook

PATIENCE_MS = 120_000  # for what takes seconds on a quiet machine


@contextmanager
def visited(browser, server, name=None):
    """A demo's page, or the list, once it is there; nothing may go wrong until it is left."""
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    seen = Notebook(page)
    seen._watch()
    try:
        page.goto(server.address(name), wait_until="commit")
        if name is not None:
            page.locator(".fedlab-demo").wait_for()
        yield page
        assert seen.errors + seen.foreign == []
    finally:
        if not page.is_closed():
            page.close(run_before_unload=True)
        page.context.close()
