"""The site, built once in a test run, whichever files and workers ask for it."""

import json
import os
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
WAIT_SECONDS = 300
SCRIPT = ROOT / "site" / "build.py"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the workers' common one
    outcome = folder / "site-outcome.json"
    try:
        (folder / "site-claimed").mkdir()
    except FileExistsError:  # another worker or file builds it, or has
        ends = time.monotonic() + WAIT_SECONDS
        while not outcome.exists() and time.monotonic() < ends:
            time.sleep(0.2)
    else:
        done = run_build("--to", str(folder / "site"))
        told = folder / "site-told.json"
        told.write_text(json.dumps([done.returncode, done.stdout + done.stderr]), "utf-8")
        told.rename(outcome)
    status, said = json.loads(outcome.read_text("utf-8"))
    assert status == 0, said
    assert said.splitlines()[-1] == f"Open {(folder / 'site/index.html').as_uri()} in a browser."
    return folder / "site"


def run_build(*arguments):
    """`python site/build.py`, as `make site` calls it."""
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_SECONDS)


LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Page(HTMLParser):
    """What a page says of itself: text, anchors, links, and what it loads.

    prose: the text that is no code.
    """

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.ids, self.links, self.loads, self.images = set(), [], [], []
        self._text, self._prose, self._code = [], [], 0
        self.feed(path.read_text("utf-8"))
        self.text = " ".join(" ".join(self._text).split())
        self.prose = " ".join(self._prose)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self._code += tag in ("pre", "code")
        self.ids.add(found.get("id"))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "img":
            self.images.append(found)
        if tag in LOADS and LOADS[tag] in found:
            self.loads.append(found[LOADS[tag]])

    def handle_endtag(self, tag):
        self._code -= tag in ("pre", "code")

    def handle_data(self, data):
        self._text.append(data)
        if not self._code:
            self._prose.append(data)


def leads_to(page, link):
    """The file that a relative link leads to, and the anchor in it."""
    parts = urlsplit(link)
    path = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    return path, unquote(parts.fragment)
