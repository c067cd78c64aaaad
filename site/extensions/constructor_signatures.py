"""A class shows the arguments of its own constructor, also where a base's `__new__` hides them.

traitlets, which the demos are made of, takes `*args, **kwargs` there.
"""

import inspect
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("autodoc-process-signature", _own)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _own(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    if what != "class" or "__new__" in vars(thing) or "__init__" not in vars(thing):
        return None
    own = inspect.signature(thing.__init__)
    _, *parameters = own.parameters.values()
    bare = own.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    return stringify_signature(bare, unqualified_typehints=True), returns
