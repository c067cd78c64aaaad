"""Slides straight from the lessons' notebooks: `python -m fedlab.slides`, or `make slides`.

nbconvert writes each lesson as a reveal.js deck. What stands on which slide follows from the
notebook's headings and the order of its cells (outline), and from what fits there in a type that
the last row reads (canvas, blocks, packing). The decks need no network and no server.
"""

from fedlab.slides.build import build
from fedlab.slides.deck import Deck
from fedlab.slides.errors import SlidesError

__all__ = ["Deck", "SlidesError", "build"]
