"""The demos as the site shows them: the catalogue's questions, each with picture and table."""

from fedlab.demos import CATALOGUE, Entry

MODEL = "pythia-14m"  # the one that `fedlab demo` takes when it is given none


def demo_sections() -> str:
    """A section a demo, in Markdown."""
    return "\n".join(map(_section, CATALOGUE))


def _section(entry: Entry) -> str:
    entry.prepare()
    data, _ = entry.make(MODEL)._repr_mimebundle_()
    return f"""## {entry.title}

{entry.question} Live, on a page of its own: `fedlab demo {entry.name}`

````{{raw}} html
{data["text/html"]}
````
"""
