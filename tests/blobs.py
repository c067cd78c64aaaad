"""What the tests of the codecs share: tensors of every kind, one contract, and a forger's tools."""

import sys
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
import xxhash
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from fedlab.codecs import CodecError, parse

TEXTS = (
    "float16",
    "bfloat16",
    "threshold:0.5",
    "topk:0.1",
    "topk:1.0",
    "randomk:0.1",
    "ternary:0.1",
    "int8",
    "int8:block=4:stochastic",
    "int4",
    "int4:block=20:stochastic",
    "int2",
    "int2:block=128:stochastic",
    "topk:0.1|int8",
    "topk:0.2|float16",
    "threshold:0.5|int4",
    "randomk:0.3|int8:block=16",
)
CODECS = {text: parse(text) for text in TEXTS}
DTYPES = (np.float16, np.float32, np.float64)
SHAPES = ((), (0,), (1,), (2,), (3, 0, 2), (1, 1, 1), (7,), (64,), (65,), (13, 5), (2, 3, 4))

# --- tensors -------------------------------------------------------------------------------------


def _values(kind, count, dtype, seed):
    random, limits = np.random.default_rng(seed), np.finfo(dtype)
    normal = random.standard_normal(count)
    with np.errstate(under="ignore"):
        return {
            "normal": normal,
            "zeros": np.zeros(count) * np.sign(normal),  # of both signs
            "all equal": np.full(count, -0.75),
            "ties": random.integers(-2, 3, count).astype(float),
            "few": normal * (random.random(count) < 0.05),
            "denormals": limits.smallest_subnormal * random.integers(-9, 10, count),
            "of all sizes": normal * 10.0 ** random.integers(-4, 4, count),
        }[kind].astype(dtype)


KINDS = ("normal", "zeros", "all equal", "ties", "few", "denormals", "of all sizes")


def _laid_out(layout, array):
    """The same numbers, lying otherwise in memory."""
    if layout == "strided":
        wide = np.full((*array.shape, 3), np.nan, array.dtype)
        wide[..., 1] = array
        return wide[..., 1]
    if layout == "backwards":
        return np.flip(np.flip(array).copy())
    if layout == "fortran":
        return np.asarray(array, order="F")
    if layout == "big endian":
        return array.astype(array.dtype.newbyteorder(">"))
    if layout == "read-only":
        array = array.copy()
        array.flags.writeable = False
    return array


LAYOUTS = ("plain", "strided", "backwards", "fortran", "big endian", "read-only")


@st.composite
def tensors(draw, dtypes=DTYPES, kinds=KINDS):
    """Any shape, dtype, numbers and layout; numbers that every codec takes."""
    shape = draw(st.sampled_from(SHAPES) | npst.array_shapes(max_dims=4, min_side=0, max_side=9))
    count, dtype = int(np.prod(shape)), draw(st.sampled_from(dtypes))
    values = _values(draw(st.sampled_from(kinds)), count, dtype, draw(st.integers(0, 2**32 - 1)))
    return _laid_out(draw(st.sampled_from(LAYOUTS)), values.reshape(shape))


@contextmanager
def pieces_of(values):
    """Let the codecs work on so few values at a time: small tensors then have several pieces."""
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("fedlab.codecs.") and hasattr(module, "PIECE"):
                patch.setattr(module, "PIECE", values)
        yield


# --- the contract --------------------------------------------------------------------------------


def same_bits(one, other):
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )


def round_trip(codec, array, seed=5):
    """Encode and decode in every way there is; what all of them agree on."""
    shape, dtype = array.shape, array.dtype.newbyteorder("=")
    before = array.tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        size, blob = codec.size(shape, dtype), codec.encode(array, seed=seed)
        buffer = np.full(size + 3, 0xA5, np.uint8)
        written = codec.encode_into(array, buffer, seed=seed)
        decoded = codec.decode(blob, shape, dtype)
        into = np.full(shape, np.nan, dtype)
        codec.decode_into(memoryview(blob), into)
    assert array.tobytes() == before
    assert buffer[:written].tobytes() == blob
    assert (buffer[size:] == 0xA5).all()
    assert len(blob) == size if codec.fixed else len(blob) <= size
    assert (decoded.shape, decoded.dtype) == (shape, dtype)
    assert np.isfinite(decoded).all()
    assert same_bits(into, decoded)
    return decoded


def relative_error(decoded, array):
    return float(np.linalg.norm(decoded - array) / np.linalg.norm(array))


# --- the forger's tools --------------------------------------------------------------------------


def header_of(blob):
    """How many bytes come before the body, as the format's page says."""
    return 24 + 4 * blob[6] + blob[7]


def resealed(blob, *, lengths=False):
    """The blob with a checksum that fits; lengths: with a body length that fits, too."""
    forged = bytearray(blob)
    if lengths and len(forged) >= 24:
        forged[8:16] = max(0, len(forged) - header_of(forged)).to_bytes(8, "little")
    digest = xxhash.xxh3_64(bytes(forged[:16]) + bytes(forged[24:])).intdigest()
    if len(forged) >= 24:
        forged[16:24] = digest.to_bytes(8, "little")
    return bytes(forged)


def with_body(blob, body):
    """The blob's header in front of another body, sealed."""
    return resealed(blob[: header_of(blob)] + bytes(body), lengths=True)


def body_of(blob):
    return blob[header_of(blob) :]


def right_or_refused(codec, blob, shape, dtype=np.float32):
    """Decode what a stranger sent: a finite tensor of the right shape, or None for a CodecError."""
    try:
        decoded = codec.decode(blob, shape, dtype)
    except CodecError:
        return None
    assert (decoded.shape, decoded.dtype) == (shape, dtype)
    assert np.isfinite(decoded).all()
    return decoded


def mutant(blob, random):
    """The blob with one or a few things wrong; half of them sealed again by somebody who can."""
    bad = bytearray(blob)
    for _ in range(random.integers(1, 4)):
        at, length = int(random.integers(len(bad) + 1)), int(random.integers(1, 9))
        some = random.bytes(length)
        kind = random.integers(6)
        if kind == 0 and at < len(bad):
            bad[at] ^= 1 << int(random.integers(8))
        elif kind == 1:
            bad[at : at + length] = some[: len(bad[at : at + length])]
        elif kind == 2:
            bad[at : at + length] = [b"\x00", b"\xff"][length % 2] * len(bad[at : at + length])
        elif kind == 3:
            del bad[at : at + length]
        elif kind == 4:
            bad[at:at] = some
        else:
            other = int(random.integers(len(bad) + 1))
            bad[at : at + length] = bad[other : other + length]
    forged = bytes(bad)
    if random.integers(2):
        forged = resealed(forged, lengths=bool(random.integers(4)))
    return forged
