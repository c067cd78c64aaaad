"""Settings of a demo, drawn from what its controls allow."""

from hypothesis import strategies as st

from fedlab.widgets.controls import Choice


def states(demo):
    """Every control set within its limits, in each order of magnitude as often as in another."""
    return st.fixed_dictionaries({c.name: allowed(c) for c in demo.controls()})


def allowed(control):
    if isinstance(control, Choice):
        return st.sampled_from(_options(control))
    low, high = control.low, control.high
    if isinstance(low, float):
        hundredths = st.integers(1, 100).map(lambda n: min(max(n / 100, low), high))
        return st.one_of(hundredths, st.floats(low, high))
    powers = st.integers(0, len(str(high)) - 1)
    return powers.flatmap(lambda power: st.integers(low, max(low, min(high, 10**power))))


def _options(choice):
    return list(choice.options)


def smallest(demo):
    """The first option of each choice, the least of each number."""
    return {c.name: _options(c)[0] if isinstance(c, Choice) else c.low for c in demo.controls()}


def largest(demo):
    """The last option of each choice, the most of each number."""
    return {c.name: _options(c)[-1] if isinstance(c, Choice) else c.high for c in demo.controls()}


def put(demo, state):
    """Set a demo's controls; return it."""
    for name, value in state.items():
        setattr(demo, name, value)
    return demo


def state_of(demo):
    """What the view gets to compute with."""
    return demo._given | {c.name: getattr(demo, c.name) for c in demo.controls()}
