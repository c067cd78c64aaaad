"""Several decks in a folder, what they share, and a page that lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from nbconvert.filters import markdown2html

from fedlab.slides.assets import write_assets
from fedlab.slides.deck import Deck, write_deck
from fedlab.slides.errors import SlidesError

_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides</title>
<link rel="stylesheet" href="assets/slides.css">
</head>
<body class="index">
<h1>Slides</h1>
<p>→ or space: next · ←: back · Esc: overview · F: full screen · ?: all keys</p>
<ul>
{decks}
</ul>
</body>
</html>
"""


def build(notebooks: Sequence[Path], folder: Path, say: Callable[[str], None]) -> Path:
    """Write a deck for each notebook, what the decks share, and index.html, whose path is returned.

    say: is told of each deck, in a line. Raises SlidesError where a deck cannot be made.
    """
    if len({notebook.stem for notebook in notebooks}) < len(notebooks):
        raise SlidesError("expected notebooks of different names; two would write the same deck")
    write_assets(folder / "assets")
    decks = []
    for notebook in notebooks:
        decks.append(write_deck(notebook, folder))
        say(f"{decks[-1].path}: {decks[-1].slides} slides")
    index = folder / "index.html"
    index.write_text(_INDEX.format(decks="\n".join(map(_entry, decks))), "utf-8")
    return index


def _entry(deck: Deck) -> str:
    name, title = escape(deck.path.stem), escape(deck.title)
    about = markdown2html(deck.about)
    return f'<li><a href="{name}.html">{title}</a> · {name} · {deck.slides} slides{about}</li>'
