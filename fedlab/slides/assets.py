"""What all decks of a folder share, copied beside them, so that they ask nothing of a network."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from fedlab.slides.errors import SlidesError

_FONT = "source-sans-pro"
_FONTS = [f"{_FONT}-{style}.woff" for style in ("regular", "italic", "semibold", "semibolditalic")]
_REVEAL = {  # path in reveal.js' folder: name beside the decks
    "dist/reveal.js": "reveal.js",
    "dist/reveal.css": "reveal.css",
    "LICENSE": "LICENSE-reveal.js",
    **{f"dist/theme/fonts/{_FONT}/{name}": name for name in _FONTS},
    f"dist/theme/fonts/{_FONT}/LICENSE": f"LICENSE-{_FONT}",
}


def write_assets(folder: Path) -> None:
    """Put reveal.js, a font, the licences of both, and our style into `folder`.

    Raises SlidesError when reveal.js is not installed.
    """
    package = importlib.util.find_spec("sphinx_revealjs")  # found, and not imported
    if package is None or package.origin is None:
        raise SlidesError(
            "expected reveal.js, which comes with the package sphinx-revealjs, and found none; "
            "install it: pip install 'fedlab-course[dev]'"
        )
    reveal = Path(package.origin).parent / "_static" / "revealjs"
    folder.mkdir(parents=True, exist_ok=True)
    for source, name in _REVEAL.items():
        shutil.copyfile(reveal / source, folder / name)
    shutil.copyfile(Path(__file__).parent / "slides.css", folder / "slides.css")
