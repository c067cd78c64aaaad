"""Each demo says and draws in the browser what it says and draws in Python, to the character."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from states import largest, put, smallest, state_of, states

from fedlab import widgets
from fedlab.widgets.picture import Look

DEMOS = [getattr(widgets, name) for name in widgets.__all__]


@pytest.fixture(scope="module", params=[demo for demo in DEMOS if not demo.needs_kernel])
def demo(request):
    return request.param()


@pytest.fixture(scope="module")
def node(start_node, demo):
    return start_node(type(demo))


def agree(node, demo):
    said, seen = demo.readout(), node.ask("readout", state_of(demo))
    assert seen["headline"] == said.headline
    assert tuple((label, value) for label, value, *_ in seen["rows"]) == said.rows
    assert {label: Look(**look) for label, _, *rest in seen["rows"] for look in rest} == said.looks
    return [look.share for look in said.looks.values() if look.share is not None]


@settings(max_examples=600)
@given(data=st.data())
def test_the_view_says_and_draws_what_python_does(node, demo, data):
    bars = agree(node, put(demo, data.draw(states(demo))))
    assert all(0 <= share <= 1 for share in bars)


@pytest.mark.parametrize("extreme", [smallest, largest])
def test_so_it_does_at_the_limits(node, demo, extreme):
    agree(node, put(demo, extreme(demo)))
