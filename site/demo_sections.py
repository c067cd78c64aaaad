"""The demos as the site shows them: the catalogue's questions, each with picture and table."""

from fedlab.demos import CATALOGUE, Entry

MODEL = "pythia-14m"  # the one that `fedlab demo` takes when it is given none


def demo_sections() -> str:
    """A section a demo, in Markdown."""
    return "\n".join(map(_section, CATALOGUE))


def _section(entry: Entry) -> str:
    entry.prepare()
    demo = entry.make(MODEL)
    data, _ = demo._repr_mimebundle_()
    live = (
        "Its numbers are those of the real codecs, which no web page runs: here is its picture; it "
        f"comes alive with `fedlab demo {entry.name}`, and in lesson 07."
        if demo.needs_kernel
        else f"Live here; for a room, in large type: `fedlab demo {entry.name}`."
    )
    return f"""## {entry.title}

{entry.question} {live}

````{{raw}} html
{data["text/html"]}
````
"""
