"""Codecs by name: what is printed is what is parsed."""

import re

import numpy as np
import pytest
from blobs import TEXTS
from hypothesis import given
from hypothesis import strategies as st

from fedlab import codecs
from fedlab.codecs import (
    FORMS,
    Chain,
    Codec,
    CodecError,
    Float16,
    Quantize,
    RandomK,
    Ternary,
    Threshold,
    TopK,
    parse,
)
from fedlab.codecs.text import _BUILDERS

FRACTIONS = st.floats(0, 1, exclude_min=True)
DENSE = st.builds(Float16, st.sampled_from(["float16", "bfloat16"])) | st.builds(
    Quantize,
    st.sampled_from([8, 4, 2]),
    block=st.just(0) | st.integers(1, 2**14).map(lambda n: 4 * n),
    stochastic=st.booleans(),
)
SPARSE = (
    st.builds(TopK, FRACTIONS)
    | st.builds(RandomK, FRACTIONS)
    | st.builds(Threshold, st.floats(0, exclude_min=True, allow_infinity=False))
)
CODECS = DENSE | SPARSE | st.builds(Ternary, FRACTIONS) | st.builds(Chain, SPARSE, DENSE)


def test_every_name_has_a_form_and_is_among_the_codecs_that_each_test_of_all_of_them_takes():
    for texts in (FORMS, TEXTS):
        assert {re.split(r"[:|]", text)[0] for text in texts} == set(_BUILDERS)
    assert {type(parse(form)).__name__ for form in FORMS} <= set(codecs.__all__)


@given(CODECS)
def test_every_codec_is_parsed_from_what_it_prints(codec):
    assert parse(str(codec)) == codec
    assert str(parse(str(codec))) == str(codec)


@given(CODECS)
def test_every_codec_has_room_for_its_text_in_a_blob(codec):
    blob = codec.encode(np.zeros(3, np.float16), seed=0)
    assert not parse(str(codec)).decode(blob, (3,), np.float16).any()


@pytest.mark.parametrize("form", FORMS)
def test_each_form_that_is_offered_is_understood(form):
    assert isinstance(parse(form), Codec)
    assert parse(str(parse(form))) == parse(form)


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("float16", Float16()),
        ("bfloat16", Float16("bfloat16")),
        ("threshold:1e-3", Threshold(0.001)),
        ("topk:0.010", TopK(0.01)),
        ("topk:1", TopK(1)),
        ("randomk:.5", RandomK(0.5)),
        ("ternary:0.01", Ternary(0.01)),
        ("int8", Quantize(8, block=64)),
        ("int4:block=32", Quantize(4)),
        ("int2:stochastic:block=8", Quantize(2, block=8, stochastic=True)),
        ("topk:0.01|int8", Chain(TopK(0.01), Quantize(8))),
        (" topk:0.01 | int8:stochastic ", Chain(TopK(0.01), Quantize(8, stochastic=True))),
    ],
)
def test_a_text_names_one_codec(text, codec):
    assert parse(text) == codec


UNKNOWN = (
    *("", "zip", "TopK:0.1", "topk", "topk:", "topk:a", "topk:0.1:0.2", "float16:1", "int16"),
    *("int8:block", "int8:block=x", "int8:blocks=4", "int8:64", "int4:block=1e2", "int8\n:x"),
    *("|", "topk:0.1|", "|int8", "topk:0.1|zip", ":", "é", "fedlab.int8", "__class__"),
)


@pytest.mark.parametrize("text", UNKNOWN)
def test_an_unknown_text_says_which_there_are(text):
    with pytest.raises(CodecError) as caught:
        parse(text)
    for form in FORMS:
        assert form in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("topk:0", "expected a fraction above 0 and up to 1, got 0"),
        ("topk:2", "expected a fraction above 0 and up to 1, got 2"),
        ("randomk:nan", "expected a fraction above 0 and up to 1, got nan"),
        ("ternary:-0.1", "expected a fraction above 0 and up to 1, got -0.1"),
        ("threshold:0", "expected a threshold above 0, got 0"),
        ("threshold:inf", "expected a threshold above 0, got inf"),
        ("int8:block=0", "expected a block of 4 to 65536 values"),
        ("int8:block=-4", "expected a block of 4 to 65536 values"),
        ("int4:block=6", "a multiple of 4, got 6"),
        ("int4:block=99999999999999999999", "expected a block of 4 to 65536 values"),
        ("int8|int8", "a chain is a sparse codec, a bar, and one for its values"),
        ("ternary:0.1|int8", "a chain is a sparse codec, a bar, and one for its values"),
        ("topk:0.1|int8|int8", "a chain is a sparse codec, a bar, and one for its values"),
        ("topk:0.1|topk:0.1", "a chain ends with a codec for the kept values"),
        ("x" * 81, "expected a codec's text of at most 80 characters"),
        (8, "expected a codec's text"),
        (None, "expected a codec's text"),
        (b"int8", "expected a codec's text"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(text, reason):
    with pytest.raises(CodecError, match=r"\S") as caught:
        parse(text)
    assert reason in str(caught.value)


@given(st.text(max_size=100) | st.text("topkrandit0123456789.:=|-e ", max_size=30))
def test_any_text_is_a_codec_or_an_error_of_ours(text):
    try:
        codec = parse(text)
    except CodecError:
        return
    assert parse(str(codec)) == codec


@pytest.mark.parametrize("bits", [8.0, "8", True, None, 3])
def test_bits_are_the_whole_numbers_8_4_and_2(bits):
    with pytest.raises(CodecError, match="expected 8, 4 or 2 bits"):
        Quantize(bits)
