"""The demos by name, each as an instructor shows it, and a server that gives each a page.

`fedlab demo` is the command. `catalogue` says which demos there are, `page` makes one in the kernel
of its page, `site` writes the folder that Voilà serves, and `serving` runs Voilà on it.
"""

from fedlab.demos.catalogue import CATALOGUE, DemoError, Entry, find

__all__ = ["CATALOGUE", "DemoError", "Entry", "find"]
