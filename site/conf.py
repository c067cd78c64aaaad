"""How Sphinx and MyST-NB make the site of the pages that `gather.py` lays out.

Nothing is executed, and no page asks another host for anything: the lessons hold no maths, so that
no MathJax is loaded, and no widget state, so that neither require.js nor ipywidgets' manager is.
"""

import sys
from pathlib import Path

from ipython_pygments_lexers import IPython3Lexer
from sphinx.application import Sphinx

from fedlab import __version__

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "fedlab"
release = __version__
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "constructor_signatures",
    "live_demos",
    "plain_docstrings",
    "sidebar_headings",
]
exclude_patterns = ["generated"]  # what a page includes is no page

nb_execution_mode = "off"
# A lesson stores a demo's picture and table beside its live view, which would need a kernel.
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

add_module_names = False
autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "fedlab"
html_favicon = "static/favicon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
# furo's own styles are below a contrast of 4.5 in comments and numbers
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def setup(app: Sphinx) -> None:
    """Python on a page may be a notebook's, with % and ! before a line."""
    app.add_lexer("python", IPython3Lexer)
