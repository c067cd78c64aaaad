"""The built site: its pages, links and words, without a browser."""

import doctest
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from site_build import ROOT, SCRIPT, Page, leads_to, run_build, site  # noqa: F401

from fedlab.demos import CATALOGUE

LESSONS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.ipynb"))
# What lessons, tests and the command line call by name.
RELIED_UPON = [
    "aggregators.RunningMean",
    "aggregators.Aggregator.add",
    "aggregators.Aggregator.result",
    "bandwidth.FederatedRun",
    "bandwidth.FederatedRun.clients_per_round",
    "bandwidth.FederatedRun.downlink",
    "bandwidth.FederatedRun.per_round",
    "bandwidth.FederatedRun.seconds",
    "bandwidth.FederatedRun.traffic",
    "bandwidth.FederatedRun.uplink",
    "codecs.Codec.decode",
    "codecs.Codec.decode_into",
    "codecs.Codec.encode",
    "codecs.Codec.encode_into",
    "codecs.Codec.size",
    "codecs.parse",
    "engines.deploy",
    "engines.simulate",
    "grids.CheckingGrid",
    "grids.DecodingGrid",
    "grids.MeteredGrid",
    "ledger.Ledger",
    "ledger.Ledger.downlink",
    "ledger.Ledger.failures",
    "ledger.Ledger.per_round",
    "ledger.Ledger.reject",
    "ledger.Ledger.table",
    "ledger.Ledger.to_csv",
    "ledger.Ledger.traffic",
    "ledger.Ledger.uplink",
    "ledger.Transfer",
    "memory.DeviceMemory",
    "memory.DeviceMemory.table",
    "memory.DeviceMemory.total",
    "memory.ServerMemory",
    "memory.ServerMemory.table",
    "memory.ServerMemory.total",
    "mods.compress",
    "mods.count",
    "mods.send_only",
    "sizes.size_of",
    "strategies.BandwidthTrackingFedAvg",
    "strategies.StreamingFedAvg",
    "tff.Worker",
    "tff.client_bytes",
    "units.Bytes",
    "units.Bytes.MB",
    "units.Bytes.MiB",
    "widgets.BandwidthDemo",
]


@pytest.fixture(scope="module")
def pages(site):  # noqa: F811
    return {path: Page(path) for path in sorted(site.resolve().rglob("*.html"))}


@pytest.fixture
def modules(monkeypatch):
    """Import the modules that build the site."""
    monkeypatch.syspath_prepend(ROOT / "site")
    monkeypatch.syspath_prepend(ROOT / "site/extensions")
    return importlib.import_module


def shown(pages, name):
    return next(page for path, page in pages.items() if path.as_posix().endswith(f"/{name}.html"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_is_there_and_on_the_map_with_its_question_and_minutes(pages, lesson):
    title = nbformat.read(lesson, as_version=4).cells[0].source
    question, minutes, kind = re.match(r"# (.+)\n\n\*\*(\d+) minutes · ([\w-]+)", title).groups()
    page, lesson_map = shown(pages, f"lessons/{lesson.stem}"), shown(pages, "site/map")
    typeset = question.replace("'", "’")
    assert typeset in page.text
    assert f"{minutes} minutes · {kind}" in page.text
    row = rf"{lesson.name[:2]} {re.escape(typeset)} ?: .+? {minutes} {kind}"
    assert re.search(row, lesson_map.text), lesson_map.text


def test_what_a_lesson_stores_is_shown(pages):
    text = shown(pages, "lessons/05_bandwidth_formula").text
    assert "Exercise 05.1. A model of 25 MB" in text
    assert "Not attempted: replace the ... with your answer" in text
    assert "one client, one round: 407,120 B" in text


def test_every_link_leads_to_a_page_or_a_file_and_to_an_anchor_that_is_there(pages):
    lost = []
    for page in pages.values():
        for link in page.links:
            if re.match(r"https?:", link):
                continue
            path, anchor = leads_to(page, link)
            there = path in pages or path.is_file()
            if not there or (path in pages and anchor and anchor not in pages[path].ids):
                lost.append(f"{page.path.name}: {link}")
    assert lost == []


def test_no_page_loads_anything_from_elsewhere_or_by_an_absolute_path(pages, site):  # noqa: F811
    loads = [(page.path.name, one) for page in pages.values() for one in page.loads]
    assert [one for one in loads if re.match(r"(?!data:)[a-z]+:|/", one[1])] == []
    styles = [path.read_text("utf-8") for path in site.rglob("*.css")]
    assert not re.search(r"@import|url\(\s*['\"]?(https?:|//)", "\n".join(styles))
    assert [link for page in pages.values() for link in page.links if link.startswith("/")] == []


def test_every_picture_has_a_text_alternative(pages):
    images = [(page.path.name, one) for page in pages.values() for one in page.images]
    stored = sum(path.read_text("utf-8").count('"image/png": "') for path in LESSONS)
    assert len(images) > stored > 20
    words = [(name, one.get("alt") or "") for name, one in images]
    assert [one for one in words if not one[1] or one[1].endswith(".png")] == []
    figure = shown(pages, "lessons/05_bandwidth_formula").images
    assert any("100 clients × 100 rounds. Points" in one["alt"] for one in figure)


def test_the_start_page_has_the_picture_two_commands_and_where_to_go(pages):
    page = shown(pages, "site/index")
    assert "pythia-round" in page.images[0]["src"]
    assert "make lab" in page.text
    assert "make test" in page.text
    assert {"map.html", "demos.html", "api.html", "benchmarks.html"} <= set(page.links)


def test_the_demos_page_has_each_demo_with_question_picture_table_and_command(pages):
    page = shown(pages, "site/demos")
    for entry in CATALOGUE:
        assert entry.question in page.text
        assert f"fedlab demo {entry.name}" in page.text
    html = page.path.read_text("utf-8")
    assert html.count('<table class="fedlab-still"') == len(CATALOGUE)
    assert sum(one["src"].startswith("data:image/svg") for one in page.images) >= len(CATALOGUE)


def test_the_benchmark_tables_say_what_their_file_says(pages):
    text = shown(pages, "site/benchmarks").text.replace(" ", "")
    cells = re.findall(r"[^|\n]+", (ROOT / "benchmarks/README.md").read_text("utf-8"))
    numbers = {one for cell in cells for one in re.findall(r"\d[\d,.]*\d", cell)}
    assert len(numbers) > 100
    assert [one for one in numbers if one not in text] == []


def test_the_search_index_knows_the_words_of_a_lesson(site):  # noqa: F811
    text = (site / "searchindex.js").read_text("utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    lesson = index["docnames"].index("lessons/07_smaller_updates")
    for kind, word in (("titleterms", "feedback"), ("terms", "pixel")):
        found = index[kind][word]
        assert lesson in (found if isinstance(found, list) else [found])


def test_the_reference_documents_every_name_that_is_relied_upon(pages):
    documented = set().union(*(page.ids for page in pages.values()))
    assert [name for name in RELIED_UPON if f"fedlab.{name}" not in documented] == []


def test_the_reference_has_every_room_and_all_that_the_room_offers(pages, modules):
    api = modules("api_pages")
    for rooms in api.rooms_by_group().values():
        for room in set(rooms) - {"tff"}:
            offered = {
                f"fedlab.{room}.{name}"
                for name in api.names(importlib.import_module(f"fedlab.{room}"))
            }
            assert offered <= shown(pages, f"api/{room}").ids


def test_no_markup_of_a_docstring_is_left_as_it_was_typed(pages):
    api = {path.name: page for path, page in pages.items() if path.parent.name == "api"}
    assert [name for name, page in api.items() if "`" in page.prose] == []


def test_examples_of_the_builder_hold(modules):
    for name in ("gather", "api_pages", "plain_docstrings", "live_demos"):
        failed, tried = doctest.testmod(modules(name))
        assert (failed, tried > 0) == (0, True), name


def test_a_link_leads_from_page_to_page_wherever_they_are(modules, tmp_path):
    gather = modules("gather")
    text = "[a](../benchmarks/README.md#x) `[b](c)` ![d](pythia-round.png) [e](https://f.g)"
    pages_text = gather.relinked(text, "lessons/instructor.md", "lessons/instructor.md", tmp_path)
    assert pages_text == (
        "[a](../benchmarks.md#x) `[b](c)` ![d](pythia-round.png) [e](https://f.g)"
    )
    assert (tmp_path / "lessons/pythia-round.png").is_file()


def test_a_link_to_nothing_is_refused_by_name(modules, tmp_path):
    gather = modules("gather")
    with pytest.raises(gather.SiteError, match=r"site/x\.md links to gone\.md, and there is no"):
        gather.relinked("[a](gone.md)", "site/x.md", "x.md", tmp_path)


@pytest.mark.parametrize(("package", "name"), [("sphinx", "Sphinx"), ("myst_nb", "MyST-NB")])
def test_what_is_not_installed_is_said_in_a_sentence(package, name, tmp_path):
    code = (
        f"import runpy, sys; sys.modules[{package!r}] = None; sys.argv[1:] = ['--to', 'site']; "
        f"sys.path.insert(0, {str(SCRIPT.parent)!r}); "
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"make site: expected {name} and found none; install it: pip install 'fedlab-course[dev]'\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    done = run_build("--to", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        f"make site: {tmp_path} exists and holds no site; give another folder, or delete it\n"
    )
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no Ctrl-C to one process alone")
def test_ctrl_c_leaves_nothing(tmp_path):
    workshop = tmp_path / "tmp"
    workshop.mkdir()
    command = [sys.executable, str(SCRIPT), "--to", str(tmp_path / "site")]
    environment = os.environ | {"TMPDIR": str(workshop)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as process:
        ends = time.monotonic() + 60
        while not list(workshop.glob("fedlab-site-*/source/lessons")) and time.monotonic() < ends:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert said.decode().splitlines()[-1] == "make site: stopped; nothing is left behind"
    assert list(workshop.iterdir()) == []
    assert not (tmp_path / "site").exists()
