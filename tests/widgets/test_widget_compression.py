"""The compression demo: the codecs' own numbers, and the histogram that its view draws."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from states import allowed, largest, put, smallest, states

from fedlab.codecs import CodecError, parse
from fedlab.widgets import CompressionDemo
from fedlab.widgets.histogram import Histogram

TEXTS = {
    ("all", "float32", "nearest"): None,
    ("all", "float16", "stochastic"): "float16",
    ("all", "int4", "nearest"): "int4",
    ("all", "int2", "stochastic"): "int2:stochastic",
    ("threshold", "float32", "stochastic"): "threshold:0.001",
    ("threshold", "int8", "stochastic"): "threshold:0.001|int8:stochastic",
    ("topk", "int8", "nearest"): "topk:0.01|int8",
    ("topk", "float16", "nearest"): "topk:0.01|float16",
    ("randomk", "float32", "nearest"): "randomk:0.01",
    ("randomk", "int2", "nearest"): "randomk:0.01|int2",
}
CHOICES = list(
    product(*(getattr(CompressionDemo, name).options for name in ("keep", "values", "rounding")))
)


@pytest.fixture(scope="module")
def update():
    random = np.random.default_rng(0)
    shapes = {"weight": (64, 784), "bias": (64,), "scale": ()}
    return {n: np.asarray(random.laplace(0, 0.002, s), np.float32) for n, s in shapes.items()}


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(lambda: CompressionDemo(np.ones(3)))


def chosen(update, keep, values, rounding):
    return CompressionDemo(update, keep=keep, values=values, rounding=rounding)


# --- the model


@pytest.mark.parametrize(("settings", "text"), TEXTS.items())
def test_the_codec_is_said_as_parse_takes_it(update, settings, text):
    demo = chosen(update, *settings)
    assert (demo.codec and str(demo.codec)) == text
    assert dict(demo.readout().rows)["Codec"] == str(text or "none")
    if text:
        assert demo.codec == parse(text)


@pytest.mark.parametrize("settings", CHOICES)
def test_bytes_and_error_are_those_of_the_library(update, settings):
    demo = chosen(update, *settings)
    if codec := demo.codec:
        blobs = {name: codec.encode(tensor, seed=0) for name, tensor in update.items()}
        decoded = {name: codec.decode(blobs[name], update[name].shape) for name in update}
    else:
        blobs, decoded = {name: tensor.tobytes() for name, tensor in update.items()}, update
    size = sum(map(len, blobs.values()))
    sent, true = (np.concatenate([t.ravel() for t in ts.values()]) for ts in (decoded, update))
    sent, true = sent.astype(float), true.astype(float)
    error = np.linalg.norm(sent - true) / np.linalg.norm(true)
    out, rows = demo.outcome(), dict(demo.readout().rows)
    assert out.encoded == size
    assert out.error == pytest.approx(error, rel=1e-12)
    assert rows["Encoded"] == f"{size:,} B"
    assert rows["In float32"] == f"{4 * true.size:,} B"
    assert rows["In float32 / encoded"] == f"{4 * true.size / size:,.1f}"
    assert rows["Relative error"] == f"{error:.3g}"
    assert not np.delete(sent, out.kept).any()  # what does not travel is zero
    if demo.values == "float32":
        assert np.array_equal(sent[out.kept], true[out.kept])


def test_a_fraction_is_kept_of_each_tensor_and_a_threshold_of_all(update):
    demo = CompressionDemo(update)
    assert len(demo.outcome().kept) == 502 + 1 + 1
    demo.keep = "threshold"
    assert len(demo.outcome().kept) == sum((abs(t) >= 0.001).sum() for t in update.values())
    demo.keep = "all"
    assert len(demo.outcome().kept) == 50_241


def test_one_array_is_an_update_of_one_tensor():
    update = np.linspace(-1, 1, 1000).reshape(10, 100)
    demo = CompressionDemo(update, fraction=0.1, values="float32")
    encoded = parse("topk:0.1").encode(update.astype(np.float32), seed=0)
    assert demo.outcome().encoded == len(encoded)
    assert dict(demo.readout().rows)["Tensors, each encoded by itself"] == "1"


def test_what_becomes_of_the_array_later_changes_nothing():
    update = np.ones(10, np.float32)
    demo = CompressionDemo(update)
    said = repr(demo)
    update[:] = np.nan
    assert repr(demo) == said


@pytest.mark.parametrize("settings", CHOICES)
def test_equal_settings_say_the_same_again(update, settings):
    one, other = (chosen(update, *settings)._repr_mimebundle_()[0] for _ in range(2))
    for mime in ("text/html", "text/plain"):
        assert one[mime] == other[mime]


def test_an_update_of_zeros_loses_nothing():
    demo = CompressionDemo(np.zeros(100))
    for demo.keep, demo.values, demo.rounding in CHOICES:
        assert demo.outcome().error == 0


def test_values_that_no_half_can_hold_are_a_sentence_that_names_the_tensor():
    demo = CompressionDemo({"w": np.float32([1, 1e6])}, keep="all", values="float16")
    said = demo.readout()
    assert said.headline.startswith("w: values from 1 to 1e+06 do not fit into float16")
    assert said.rows == ()
    assert said.headline in repr(demo)
    assert demo._answer == {"headline": said.headline, "rows": [], "kept": ()}
    demo.values = "int8"
    assert demo._answer["rows"]


@settings(max_examples=200, deadline=None)
@given(
    arrays(
        np.float32,
        array_shapes(max_dims=3, max_side=12),
        elements=st.floats(-(2.0**100), 2.0**100, width=32),
    ),
    states(CompressionDemo),
)
@example(np.ones(1, np.float32), smallest(CompressionDemo))
@example(np.ones(1, np.float32), largest(CompressionDemo))
@example(np.float32([2.0**-149]), smallest(CompressionDemo))
@example(np.float32([np.finfo(np.float32).max]), smallest(CompressionDemo))
def test_any_finite_update_has_an_answer(update, state):
    demo = put(CompressionDemo(update), state)
    answer, counts = demo._answer, demo._given["counts"]
    assert sum(counts) == update.size
    if not answer["rows"]:
        assert "fit into" in answer["headline"]
        return
    assert len(answer["kept"]) == len(counts)
    assert all(some <= count for some, count in zip(answer["kept"], counts, strict=True))
    assert sum(answer["kept"]) == len(demo.outcome().kept)
    assert all(0 <= look.get("share", 0) <= 1 for _, _, look in answer["rows"])


# --- bad input


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({}, "expected an update of one value or more, got none"),
        (np.empty((0, 3)), "expected an update of one value or more, got none"),
        (
            {"w": np.ones(3, np.int64)},
            "w: expected a numpy array of float16, .*got ndarray of int64",
        ),
        ({"w": [1.0, 2.0]}, "w: expected a numpy array of float16, .*, got list"),
        (None, "update: expected a numpy array of float16, .*, got NoneType"),
        ({"a": np.ones(3), "w": np.array([1, np.nan])}, "w: expected finite values, got 1 of 2"),
        ({"w": np.array([1, -np.inf])}, "w: expected finite values, got 1 of 2"),
        ({"w": np.array([1e300, 0.0])}, "w: expected finite values, got 1 of 2 .* in float32"),
    ],
)
def test_a_bad_update_is_refused_with_its_name(bad, says):
    with pytest.raises(CodecError, match=says):
        CompressionDemo(bad)


@pytest.mark.parametrize("control", CompressionDemo.controls(), ids=lambda control: control.name)
def test_a_bad_setting_is_said_and_answered_like_the_one_it_becomes(control):
    demo = CompressionDemo(np.ones(3))
    before, answer = getattr(demo, control.name), demo._answer
    for bad in ("", "abc", None, True, np.nan, [before]):
        setattr(demo, control.name, bad)
        assert (getattr(demo, control.name), demo._answer) == (before, answer)
        assert control.name in demo.notes


# --- what the view gets, and where no kernel runs


def test_each_change_is_answered(update):
    demo = CompressionDemo(update)
    for state in (
        {"fraction": 0.02},
        {"values": "int4"},
        {"rounding": "stochastic"},
        {"keep": "threshold"},
        {"threshold": 0.002, "values": "float32"},
    ):
        before = demo._answer
        demo.set_state(state)  # as it arrives from the browser
        said = demo.readout()
        assert demo._answer != before
        assert demo._answer["headline"] == said.headline
        assert [tuple(row[:2]) for row in demo._answer["rows"]] == list(said.rows)


def test_the_fallback_is_a_table_with_the_numbers(update):
    demo = CompressionDemo(update)
    data, said = demo._repr_mimebundle_()[0], demo.readout()
    assert f">\n<caption>{said.headline}</caption>" in data["text/html"]
    for control in demo.controls():
        setting = getattr(demo, control.name)
        cell = f'<th scope="row">{control.label}</th><td>{control.shown(setting)}</td>'
        assert cell in data["text/html"]
        assert f"{control.name}={setting!r}" in data["text/plain"]
    for label, value in said.rows:
        assert f'<th scope="row">{label}</th><td>{value}</td>' in data["text/html"]
        assert f"{label}: {value}" in data["text/plain"]


@pytest.mark.parametrize("control", [CompressionDemo.fraction, CompressionDemo.threshold])
def test_a_small_number_survives_its_own_number_field(node, control):
    @settings(max_examples=300)
    @given(allowed(control))
    @example(control.low)
    def survives(number):
        text = control.shown(number)
        assert re.fullmatch(r"[\d.]+", text)
        assert node.ask("typed", text, 0, control.spec()) == {"value": number, "note": ""}

    survives()


# --- the histogram


def test_bins_have_one_width_from_minus_the_largest_size_to_the_largest():
    values = np.linspace(-2, 2, 61 * 10, dtype=np.float32)
    histogram = Histogram.of(values)
    assert histogram.counts == (10,) * 61
    assert histogram.among(np.arange(15)) == (10, 5, *[0] * 59)
    assert Histogram.of(np.float32([-3, 0, 3])).bins.tolist() == [0, 30, 60]


@pytest.mark.parametrize(
    ("limit", "labels"),
    [
        (1, ["0", "-1", "1", "-0.5", "0.5"]),
        (0.0312, ["0", "-0.02", "0.02", "-0.01", "0.01", "-0.03", "0.03"]),
        (0.041, ["0", "-0.02", "0.02", "-0.01", "0.01", "-0.03", "0.03", "-0.04", "0.04"]),
        (7e-5, ["0", "-5e-05", "5e-05", "-2.5e-05", "2.5e-05"]),
        (0, ["0", "-1", "1", "-0.5", "0.5"]),
    ],
)
def test_the_axis_has_round_labels_zero_first(limit, labels):
    ticks = Histogram.of(np.float32([limit])).ticks
    assert [label for _, label in ticks] == labels
    for share, label in ticks:
        assert share == pytest.approx(0.5 + float(label) / (np.float32(limit) or 1) / 2)
