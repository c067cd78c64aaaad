"""`python site/build.py [--to FOLDER]`, or `make site`: the course as a website, without a network.

Everything is made in a temporary folder and takes its place at the end, so that a build that is
stopped or fails leaves the last site as it was, and nothing else.
"""

import argparse
import importlib.util
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from errors import SiteError

if TYPE_CHECKING:
    from rich.status import Status

HERE = Path(__file__).resolve().parent
_NEEDED = {"sphinx": "Sphinx", "myst_nb": "MyST-NB", "furo": "the theme furo"}
_MARK = "searchindex.js"  # a folder with it is a site that may be replaced


class _Line:
    """A stream for what Sphinx says of its progress: the newest line is shown, and no other."""

    def __init__(self, status: "Status") -> None:
        self._status = status

    def write(self, text: str) -> None:
        """Show the line, cut to a terminal's width."""
        if words := text.replace("\x1b[2K", "").strip():
            self._status.update(words.splitlines()[-1][:70])

    def flush(self) -> None:
        """Nothing is kept back."""

    def isatty(self) -> bool:
        """No colours."""
        return False


def build(folder: Path) -> Path:
    """Build the site into a folder; its first page. Raises SiteError."""
    for package, name in _NEEDED.items():
        if importlib.util.find_spec(package) is None:
            raise SiteError(
                f"expected {name} and found none; install it: pip install 'fedlab-course[dev]'"
            )
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).is_file():
        raise SiteError(f"{folder} exists and holds no site; give another folder, or delete it")
    with tempfile.TemporaryDirectory(prefix="fedlab-site-") as workshop:
        made = _made(Path(workshop))
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, folder)
    return folder / "index.html"


def _made(workshop: Path) -> Path:
    from gather import gather
    from rich.console import Console
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    from fedlab.demos import DemoError

    source, html = workshop / "source", workshop / "html"
    source.mkdir()
    console = Console(highlight=False, markup=False)
    with console.status("gathering lessons, demos and docstrings …") as status:
        try:
            gather(source)
        except DemoError as error:
            raise SiteError(str(error)) from error
        with patch_docutils(HERE), docutils_namespace():
            try:
                sphinx = Sphinx(
                    source,
                    HERE,
                    html,
                    workshop / "doctrees",
                    "html",
                    status=_Line(status),
                    warning=sys.stderr,
                    warningiserror=True,
                )
                sphinx.build(force_all=True)
            except SphinxError as error:
                raise SiteError(f"{error.category}: {error}") from error
    if sphinx.statuscode:
        raise SiteError("the warnings above are errors: mend them in the files they name")
    return html


def main() -> int:
    """Build the site that the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python site/build.py", description="Build the course's website from stored outputs."
    )
    parser.add_argument("--to", metavar="FOLDER", type=Path, default=Path("build/site"))
    asked = parser.parse_args()
    started = time.perf_counter()
    try:
        first = build(asked.to)
    except (SiteError, OSError) as error:
        print(f"make site: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make site: stopped; nothing is left behind", file=sys.stderr)
        return 130
    pages = len(list(asked.to.rglob("*.html")))
    print(f"{pages} pages in {time.perf_counter() - started:.0f} s")
    print(f"Open {first.resolve().as_uri()} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
