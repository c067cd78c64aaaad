"""A real JupyterLab and a real Chromium, for every test that opens a notebook as a reader does.

All a test needs is `open_notebook`:

    def test_it(open_notebook):
        notebook = open_notebook(Path("lessons/05_bandwidth_formula.ipynb"))  # or a list of cells
        notebook.run_all()
        assert notebook.problems() == []
"""

from contextlib import ExitStack
from functools import partial

import needs
import pytest
from demo_pages import visited
from lab_server import running_lab
from notebook_page import opened

from fedlab.demos.serving import serving

CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    """The lessons first: they take as long as all others, which go on beside them."""
    items.sort(key=lambda item: item.path.stem != "test_lessons")


@pytest.fixture(scope="session")
def chromium():
    """The path of a Chromium. Asked for before a server is started in vain."""
    return needs.chromium()


@pytest.fixture(scope="session")
def jupyter_lab(chromium, tmp_path_factory):
    """A running JupyterLab, for the whole session."""
    with running_lab(tmp_path_factory.mktemp("jupyter")) as lab:
        yield lab


@pytest.fixture(scope="module")
def browser(chromium):
    """Chromium, headless. Per module, since asyncio.run fails in this thread while it lives."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield running
        running.close()


@pytest.fixture(scope="module")
def open_notebook(jupyter_lab, browser):
    """Open a notebook file, or a list of code cells, and wait until its kernel is idle.

    It is closed and its kernel is stopped when the next one is opened, or the module ends. Further
    arguments are Playwright's for a browser context, such as color_scheme="dark".
    """
    with ExitStack() as stack:

        def open_one(source, **context):
            stack.close()
            return stack.enter_context(opened(jupyter_lab, browser, source, **context))

        yield open_one


@pytest.fixture(scope="session")
def demo_server(chromium):
    """A running `fedlab demo`, for the whole session."""
    with serving("pythia-14m") as running:
        yield running


@pytest.fixture(scope="module")
def visit(browser, demo_server):
    """Open a demo's page, or the list, and wait for it; nothing may go wrong until it is left."""
    return partial(visited, browser, demo_server)
