"""The side bar's captions say which level of heading they are; Sphinx leaves that out."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

_TREE = "furo_navigation_tree"


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls. The theme renders the side bar first."""
    app.connect("html-page-context", _level, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _level(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.Node | None
) -> None:
    context[_TREE] = context[_TREE].replace('role="heading"', 'role="heading" aria-level="2"')
