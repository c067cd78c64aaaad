"""`python -m fedlab.slides [NOTEBOOK …] [--to FOLDER]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fedlab.paths import shipped
from fedlab.slides.build import build
from fedlab.slides.errors import SlidesError
from fedlab.streams import print_any_text


def main() -> int:
    """Build the decks that the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m fedlab.slides",
        description="Make slides of notebooks: a reveal.js deck each, and a page that lists them.",
    )
    parser.add_argument("notebook", nargs="*", type=Path, help="default: every lesson")
    parser.add_argument("--to", metavar="FOLDER", type=Path, default=Path("build/slides"))
    asked = parser.parse_args()
    print_any_text()
    notebooks = asked.notebook or sorted(shipped("lessons").glob("[0-9][0-9]_*.ipynb"))
    try:
        index = build(notebooks, asked.to, lambda line: print(line, flush=True))
    except (SlidesError, OSError) as error:
        print(f"fedlab: {error}", file=sys.stderr)
        return 1
    print(f"Open {index.resolve().as_uri()} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
