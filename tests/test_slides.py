"""A lesson's slides: what stands on which, and that nothing of the lesson is lost."""

import re
import sys
from base64 import b64encode

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fedlab.paths import shipped
from fedlab.plots import beside
from fedlab.slides import SlidesError, build
from fedlab.slides.__main__ import main
from fedlab.slides.assets import write_assets
from fedlab.slides.blocks import Block, code, printed, table, text
from fedlab.slides.canvas import ROOM, SIZES, TEXT_SIZES
from fedlab.slides.outline import slides_of
from fedlab.slides.outputs import blocks_of
from fedlab.slides.packing import packed, type_size
from fedlab.widgets import BandwidthDemo

LESSONS = sorted(shipped("lessons").glob("[0-9][0-9]_*.ipynb"))
LINES = [f"line {number}" for number in range(100)]


def notebook(*cells):
    """Text as Markdown cells; (source, output …) as code cells, an output being a dict or text."""

    def made(cell):
        if isinstance(cell, str):
            return new_markdown_cell(cell)
        source, *shown = cell
        return new_code_cell(source, outputs=[output(each) for each in shown])

    return new_notebook(cells=[made(cell) for cell in cells])


def output(shown):
    if isinstance(shown, str):
        return new_output("stream", text=shown)
    return new_output("display_data", shown)


def outline(*cells):
    """Each slide's own title, and what stands below."""
    slides = slides_of(notebook(*cells))
    return [(slide.titles[-1], [block.source for block in slide.blocks]) for slide in slides]


def tall(kind, share):
    return Block(kind, "", dict.fromkeys((*SIZES, *TEXT_SIZES), share * ROOM))


def test_a_heading_is_a_title_and_code_stands_with_its_words_and_what_it_shows():
    cells = ["# Lesson\n\nA question.", "## Predict\n\nHow many?", ("count()", "4\n"), ("again()",)]
    assert outline(*cells, "So it is.\n\n### A part\n\nMore.") == [
        ("Lesson", ["A question."]),
        ("Predict", ["How many?", "count()", "4"]),
        ("Predict", ["again()", "So it is."]),
        ("A part", ["More."]),
    ]


def test_a_slide_knows_the_titles_above_its_own():
    slides = slides_of(notebook("# L\n\na", "## S\n\nb", "### P\n\nc", "## T\n\nd"))
    assert [slide.titles for slide in slides] == [("L",), ("L", "S"), ("L", "S", "P"), ("L", "T")]


def test_of_an_exercise_the_prompt_alone_is_shown():
    prompt = {"text/markdown": "**Exercise 1.** How many?", "text/plain": "How many?"}
    cells = ["# L\n\na", "## Exercises\n\nTry.", ("ex.one", prompt), ("ex.one.check(...)", "No.")]
    assert outline(*cells, "## Key points\n\n- Many.") == [
        ("L", ["a"]),
        ("Exercises", ["Try."]),
        ("Exercises", ["**Exercise 1.** How many?"]),
        ("Key points", ["- Many."]),
    ]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_nothing_of_a_lesson_is_lost_but_its_stubs(lesson):
    cells = nbformat.read(lesson, as_version=4).cells
    slides = slides_of(nbformat.read(lesson, as_version=4))
    shown = {block.source for slide in slides for block in slide.blocks}
    titles = {title for slide in slides for title in slide.titles}
    exercises = [n for n, cell in enumerate(cells) if "## Exercises" in cell.source] or [len(cells)]
    for number, cell in enumerate(cells):
        if cell.cell_type == "markdown":
            for part in re.split(r"\n\n+", re.sub(r"(?m)^(#+ .*)\n", r"\1\n\n", cell.source)):
                assert part.lstrip("# ") in titles if part.startswith("#") else part in shown
        elif number < exercises[0]:
            assert cell.source in shown


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_no_lesson_has_tex_which_a_deck_would_show_as_it_is_written(lesson):
    cells = nbformat.read(lesson, as_version=4).cells
    written = [re.sub(r"`[^`]*`", "", c.source) for c in cells if c.cell_type == "markdown"]
    assert not [source for source in written if re.search(r"\$|\\\(|\\\[|\\begin", source)]


def test_long_output_goes_on_over_slides_and_no_line_is_lost():
    parts = printed("\n".join(LINES))
    assert len(parts) == 5
    assert [line for part in parts for line in part.source.split("\n")] == LINES
    assert all(part.heights[20] <= ROOM for part in parts)


def test_each_part_of_a_long_table_has_the_head():
    head = "<table><caption>All</caption><thead><tr><th>n</th></tr></thead>"
    rows = [f"<tr><td>{line}</td></tr>" for line in LINES]
    parts = table(f"{head}<tbody>{''.join(rows)}</tbody></table>")
    assert len(parts) > 3
    assert all(part.source.startswith(head) for part in parts)
    assert all(part.source.endswith("</tbody></table>") for part in parts)
    assert re.findall(r"line \d+", "".join(part.source for part in parts)) == LINES


def test_a_line_that_fits_in_no_type_is_broken_in_the_smallest():
    assert list(printed("x" * 79)[0].heights) == list(SIZES)
    assert list(printed("x" * 100)[0].heights) == [18]
    assert printed("x" * 200)[0].heights[18] > printed("x" * 100)[0].heights[18]


def test_a_figure_says_what_it_shows():
    drawn = beside({"one": {"size": 1}, "two": {"size": 2}}, title="Two sizes")
    stored = b64encode(drawn.png()).decode() + "\n"
    (figure,) = blocks_of(output({"image/png": stored, "text/plain": drawn.alt}))
    assert figure.kind == "figure"
    assert f'alt="{drawn.alt}"' in figure.source


def test_a_demo_shows_the_table_that_is_stored_for_pages_without_a_kernel():
    demo = BandwidthDemo(model="pythia-14m")
    data, _ = demo._repr_mimebundle_()
    blocks = blocks_of(output({"text/html": data["text/html"], "text/plain": data["text/plain"]}))
    assert blocks[-1].kind == "table"
    assert "Clients in the cohort" in blocks[-1].source
    assert {block.kind for block in blocks[:-1]} <= {"figure"}


def test_an_error_is_shown_without_colour_codes():
    shown = new_output("error", ename="E", evalue="e", traceback=["\x1b[31mE\x1b[0m: e"])
    assert [block.source for block in blocks_of(shown)] == ["E: e"]


def test_an_output_of_blank_lines_takes_no_room():
    assert blocks_of(output("\n\n")) == []


def test_what_is_too_much_for_one_slide_keeps_code_and_result_together():
    lead, cell, result = tall("text", 0.4), tall("code", 0.5), tall("printed", 0.3)
    assert packed([lead, cell, result]) == [(lead,), (cell, result)]


def test_words_stay_with_code_whose_figure_takes_a_slide_of_its_own():
    lead, cell = tall("text", 0.2), tall("code", 0.3)
    figure, numbers = tall("figure", 0.7), tall("table", 0.4)
    assert packed([lead, cell, figure, numbers])[0] == (lead, cell)


def test_a_list_stays_with_the_words_that_announce_it():
    first, announced = text("word " * 200), text("Three reasons:")
    reasons = text("\n".join("- " + "reason " * 12 for _ in range(3)))
    assert packed([first, announced, reasons]) == [(first,), (announced, reasons)]


blocks = st.one_of(
    st.builds(text, st.text("ab *`[]():-\n", min_size=1, max_size=900)),
    st.builds(code, st.text("ab =\n", min_size=1, max_size=400)),
    st.builds(tall, st.sampled_from(["figure", "table", "printed"]), st.floats(0.05, 1.0)),
)


@given(st.lists(blocks, max_size=8))
def test_pages_hold_every_block_once_and_in_order_and_none_is_too_full(given_blocks):
    pages = packed(given_blocks)
    assert [block for page in pages for block in page] == given_blocks
    for page in pages:
        height = sum(block.heights[type_size(page)] for block in page)
        assert height <= ROOM or len(page) == 1


def test_a_deck_is_the_same_bytes_each_time_and_leaves_the_notebook_as_it_is(tmp_path):
    before = LESSONS[0].read_bytes()
    said = []
    index = build(LESSONS[:1], tmp_path / "a", said.append)
    build(LESSONS[:1], tmp_path / "b", said.append)
    deck = f"{LESSONS[0].stem}.html"
    assert (tmp_path / "a" / deck).read_bytes() == (tmp_path / "b" / deck).read_bytes()
    assert f'href="{deck}"' in index.read_text("utf-8")
    assert said[0].startswith(str(tmp_path / "a" / deck))
    assert LESSONS[0].read_bytes() == before


def test_reveal_and_the_font_come_with_their_licences(tmp_path):
    write_assets(tmp_path)
    assert "Hakim El Hattab" in (tmp_path / "LICENSE-reveal.js").read_text("utf-8")
    assert "SIL Open Font License" in (tmp_path / "LICENSE-source-sans-pro").read_text("utf-8")


def test_where_reveal_is_missing_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SlidesError, match=r"pip install 'fedlab-course\[dev\]'"):
        write_assets(tmp_path)


def told(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["slides", *map(str, arguments)])
    status = main()
    return status, capsys.readouterr()


def test_the_command_says_each_deck_and_where_to_open_them(tmp_path, monkeypatch, capsys):
    status, said = told(monkeypatch, capsys, LESSONS[0], "--to", tmp_path)
    deck, last = said.out.splitlines()
    assert status == 0
    assert re.fullmatch(rf".*{LESSONS[0].stem}\.html: \d+ slides", deck)
    assert last == f"Open {(tmp_path / 'index.html').as_uri()} in a browser."


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "is no file"),
        ("no JSON", "is none"),
        ("{}", "is none"),
        (nbformat.writes(notebook("no title")), "begins '# Title'"),
    ],
)
def test_what_is_no_lesson_is_said_in_a_sentence(tmp_path, monkeypatch, capsys, content, expected):
    given = tmp_path / "given.ipynb"
    if content is not None:
        given.write_text(content, "utf-8")
    status, said = told(monkeypatch, capsys, given, "--to", tmp_path / "slides")
    assert status == 1
    assert said.err.startswith("fedlab: expected")
    assert expected in said.err
    assert "Traceback" not in said.err


def test_two_notebooks_of_one_name_are_refused(tmp_path):
    with pytest.raises(SlidesError, match="different names"):
        build([LESSONS[0], tmp_path / LESSONS[0].name], tmp_path, print)
