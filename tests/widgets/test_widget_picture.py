"""The picture of a demo for pages where nothing runs: an SVG in a data: address."""

import json
import re
from base64 import b64decode
from xml.etree import ElementTree

import numpy as np
import pytest
from states import largest, put, smallest

from fedlab.widgets import BandwidthDemo, CompressionDemo, DeviceMemoryDemo, ServerMemoryDemo
from fedlab.widgets.base import module
from fedlab.widgets.picture import COLOURS, Look, bars, image

SVG = "{http://www.w3.org/2000/svg}"


def compressed():
    return CompressionDemo(np.random.default_rng(0).laplace(0, 0.002, 5000))


def drawn(demo):
    """What is in the page before the table: the picture's alternative text, and the picture."""
    html = demo._repr_mimebundle_()[0]["text/html"]
    found = re.match(r'<img alt="([^"]+)" width="720" src="data:image/svg\+xml;base64,(.+)">', html)
    return found[1], ElementTree.fromstring(b64decode(found[2]))


@pytest.mark.parametrize("kind", [BandwidthDemo, DeviceMemoryDemo, ServerMemoryDemo, compressed])
@pytest.mark.parametrize("extreme", [None, largest, smallest])
def test_each_bar_is_drawn_with_its_label_its_value_and_its_share(kind, extreme):
    demo = kind()
    put(demo, extreme(demo) if extreme else {})
    said = demo.readout()
    if not said.rows:
        return
    about, svg = drawn(demo)
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    whole, *boxes = [box for box in svg.iter(f"{SVG}rect") if box.get("height") == "10"][-2:]
    assert float(boxes[0].get("width")) <= float(whole.get("width"))
    for label, value in said.rows:
        look = said.looks.get(label, Look())
        assert (label in texts) == (look.share is not None)
        if look.share is not None:
            assert value in texts
            assert f"{label} {look.share:.0%}" in about


def test_the_update_is_drawn_as_the_histogram_of_what_travels():
    demo = compressed()
    about, svg = drawn(demo)
    assert about.startswith("Histogram by value, on a logarithmic scale: all values of the update")
    behind, front = (path for path in svg.iter(f"{SVG}path") if path.get("fill"))
    assert behind.get("d").count("M") == sum(count > 0 for count in demo._given["counts"])
    assert front.get("d").count("M") == sum(count > 0 for count in demo._answer["kept"])


def test_a_refusal_without_bars_is_a_table_alone():
    html = BandwidthDemo(fraction=0.1)._repr_mimebundle_()[0]["text/html"]
    assert html.startswith("<table ")


@pytest.mark.parametrize("share", [0.0, 1 / 3, 1.0])
def test_a_bar_is_as_long_as_its_share(share):
    picture = bars([("a", "1")], {"a": Look(share, colour=1)})
    track, bar = re.findall(r'width="([\d.]+)"', picture.svg)
    assert float(bar) == pytest.approx(share * float(track), abs=0.01)
    assert f'fill="{COLOURS[1]}"' in picture.svg


def test_a_name_with_markup_in_it_stays_a_name():
    html = image([bars([('<a> & "b"', "<1>")], {'<a> & "b"': Look(0.5)})])
    assert html.count("<") == 1
    assert "&lt;a&gt; &amp; &quot;b&quot; 50%" in html


def test_the_colours_are_the_views():
    assert f"const COLOURS = {json.dumps(COLOURS)};" in module("panel.js")
