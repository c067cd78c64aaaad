"""The canvas that every slide is laid out on, and how much of it a text takes.

reveal.js scales the canvas to the screen: what fits here fits everywhere. The numbers agree with
slides.css, and the browser's tests measure whether they hold.
"""

from __future__ import annotations

from textwrap import wrap

CANVAS = (1280, 720)  # px
WIDTH = 1184  # px between the margins
ROOM = 576  # px below the title
GAP = 16  # px between what stands on a slide

# px of type: each slide has the largest that fits
SIZES = (24, 22, 20, 18)  # of code, outputs and tables, beside text of the smaller of its sizes
TEXT_SIZES = (34, 27)  # of a slide that holds text alone
READABLE = 20  # rather another slide than a smaller type


# the width of a letter, as a share of its size
_FIXED = 0.605  # in DejaVu Sans Mono; the others that slides.css names are narrower
_PROSE = 0.46  # in Source Sans Pro, on average; inline code is wider


def fixed_width(px: int) -> int:
    """How many characters of a fixed-width type of `px` fit into a line.

    >>> [fixed_width(px) for px in SIZES]
    [79, 86, 94, 105]
    """
    return int((WIDTH - 36) / (_FIXED * px))


def text_height(paragraph: str, px: int) -> int:
    """How high a paragraph of prose is in type of `px`.

    >>> text_height("short", 27), text_height("word " * 20, 27)
    (37, 74)
    """
    width = WIDTH if px == TEXT_SIZES[0] else 1080  # so that a line has no more than 90 letters
    return len(wrap(paragraph, int(width / (_PROSE * px)))) * round(1.36 * px)


def wrapped(text: str, width: int) -> int:
    """How many lines `text` takes where no line holds more than `width` characters.

    >>> wrapped("one line\\n" + "x" * 30, 20)
    3
    """
    return sum(max(1, -(-len(line) // width)) for line in text.splitlines())
