"""What a thing weighs, without loading it: models, arrays, configurations."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers
from apps import record
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedlab import Bytes, size_of
from fedlab.configs import bundled
from fedlab.models import on_meta, seed_mlp
from fedlab.sizes import FLOATS, TensorSpec, tensors_of

SMALL = hnp.arrays(
    st.sampled_from(
        [np.float32, np.float64, np.float16, np.int64, np.int8, np.bool_, np.complex64]
    ),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
NESTS = st.recursive(
    SMALL, lambda n: st.lists(n, max_size=3) | st.dictionaries(st.text(max_size=3), n, max_size=3)
)


def flat(nest):
    if isinstance(nest, np.ndarray):
        return [nest]
    parts = nest.values() if isinstance(nest, dict) else nest
    return [leaf for part in parts for leaf in flat(part)]


@given(nest=NESTS)
def test_a_nest_weighs_the_sum_of_its_arrays(nest):
    size = size_of(nest)
    assert size == sum(leaf.nbytes for leaf in flat(nest))
    assert type(size) is Bytes


@given(nest=NESTS)
def test_an_array_that_is_there_twice_weighs_once_or_each(nest):
    twice = [nest, nest]
    assert size_of(twice) == size_of(nest)
    assert size_of(twice, tied="each") == 2 * size_of(nest)


@given(nest=NESTS)
def test_equal_arrays_in_different_memory_weigh_each(nest):
    copies = [[leaf.copy() for leaf in flat(nest)] for _ in range(2)]
    assert size_of(copies) == 2 * size_of(nest)


@given(arrays=st.dictionaries(st.text(min_size=1, max_size=5), SMALL, max_size=4))
def test_an_array_record_weighs_what_its_arrays_do(arrays):
    assert size_of(record(arrays)) == sum(a.nbytes for a in arrays.values())
    assert [(s.name, s.shape) for s in tensors_of(record(arrays))] == [
        (name, array.shape) for name, array in arrays.items()
    ]


def test_names_are_dotted_paths_in_order():
    nest = {"enc": [np.zeros(1), {"b": np.zeros((2, 3))}], "x": (np.float16(1),)}
    assert [(s.name, s.shape, s.dtype) for s in tensors_of(nest)] == [
        ("enc.0", (1,), "float64"),
        ("enc.1.b", (2, 3), "float64"),
        ("x.0", (), "float16"),
    ]


def test_a_view_of_other_numbers_of_the_same_memory_counts():
    array = np.zeros((4, 4), np.float32)
    assert size_of([array[:2], array[2:]]) == 64
    assert size_of([array, array.T.copy()]) == 128


def test_tied_means_the_same_numbers_in_the_same_shape():
    array, tensor = np.zeros((4, 4), np.float32), torch.zeros(4, 4)
    for whole, part in [(array, array[:2]), (tensor, tensor[:2]), (tensor, tensor.view(-1))]:
        assert [spec.tied_to for spec in tensors_of([whole, part])] == [None, None]
        assert [spec.tied_to for spec in tensors_of([whole, whole[:]])] == [None, "0"]


def test_tied_layers_of_torch_weigh_once_and_say_to_what_they_are_tied():
    net = torch.nn.Sequential(torch.nn.Embedding(10, 4), torch.nn.Linear(4, 10, bias=False))
    net[1].weight = net[0].weight
    assert size_of(net) == size_of(net.state_dict()) == 160
    assert size_of(net, tied="each") == 320
    assert [s.tied_to for s in tensors_of(net)] == [None, "0.weight"]


def test_buffers_count_and_those_outside_the_state_dict_do_not():
    norm = torch.nn.BatchNorm1d(8)
    norm.register_buffer("scratch", torch.zeros(100), persistent=False)
    assert size_of(norm) == 4 * 8 * 4 + 8  # weight, bias, mean, variance; and one int64
    assert tensors_of(norm)[-1] == TensorSpec("num_batches_tracked", (), "int64")


def test_the_memory_lessons_dense_network_weighs_203560_bytes():
    assert size_of(seed_mlp()) == 203_560
    assert sum(s.elements for s in tensors_of(seed_mlp())) == 50_890


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.bool])
def test_each_dtype_of_torch_has_its_width(dtype):
    tensor = torch.zeros(7, dtype=dtype)
    assert size_of(tensor) == tensor.nbytes


@pytest.mark.parametrize(
    ("name", "parameters", "once", "each"),
    [
        ("pythia-14m", 14_067_712, 56_270_848, 56_270_848),
        ("gpt2", 124_439_808, 497_759_232, 652_148_736),
        ("llama-3.2-1b", 1_235_814_400, 4_943_257_600, 5_993_930_752),
        ("llama-2-70b", 68_976_648_192, 275_906_592_768, 275_906_592_768),
    ],
)
def test_known_models_weigh_to_the_byte_tied_once_or_each(name, parameters, once, each):
    specs = tensors_of(name)
    assert sum(s.elements for s in specs if s.tied_to is None) == parameters
    assert size_of(name) == once
    assert size_of(name, tied="each") == each
    assert size_of(name, dtype="float16") == size_of(name, dtype="bfloat16") == once // 2


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_layout_is_what_transformers_lays_out(name):
    assert tensors_of(name) == tensors_of(on_meta(name))


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak that Linux keeps")
def test_the_largest_model_is_sized_without_torch_and_in_little_memory():
    code = (
        "import sys; from fedlab import size_of; print(int(size_of('llama-2-70b')));"
        "print([m for m in ('torch', 'transformers', 'flwr') if m in sys.modules]);"
        # not getrusage: on Linux its peak begins with that of the process that forked this one
        "status = dict(line.split(':') for line in open('/proc/self/status'));"
        "print(int(status['VmHWM'].split()[0]) * 1024 < 10**9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["275906592768", "[]", "True"]
    assert done.stderr == ""


def test_a_config_object_weighs_what_its_model_would():
    assert size_of(transformers.GPT2LMHeadModel(tiny()).to("cpu")) == size_of(
        tiny("GPT2LMHeadModel")
    )
    assert size_of(tiny(), dtype="float16") * 2 == size_of(tiny())


def tiny(*architectures):
    config = transformers.GPT2Config(
        **{"n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 11, "n_positions": 4},
        **{"bos_token_id": 1, "eos_token_id": 2},
    )
    config.architectures = list(architectures) or None
    return config


def test_a_config_file_and_its_folder_weigh_alike(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(tiny("GPT2LMHeadModel").to_dict()))
    weight = size_of(tiny("GPT2LMHeadModel"))
    assert size_of(tmp_path / "config.json") == size_of(str(tmp_path)) == weight
    assert weight == 4 * (11 * 8 + 4 * 8 + 2 * (4 * 8 + 12 * 64 + 13 * 8 - 4 * 8) + 2 * 8)


@pytest.mark.parametrize(
    ("thing", "named"),
    [(5, "int"), (None, "NoneType"), (b"w", "bytes"), ({"a": [1.0]}, "at 'a.0'")],
)
def test_a_thing_without_tensors_is_refused_by_type_and_place(thing, named):
    with pytest.raises(TypeError, match="expected a model, a state dict, arrays") as caught:
        size_of(thing)
    assert named in str(caught.value)


@pytest.mark.parametrize("dtype", ["int8", "float", "f4", "", "torch.float32", "object"])
def test_a_dtype_that_is_none_is_refused_whatever_is_sized(dtype, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(tiny().to_dict()))
    for thing in ("gpt2", tmp_path / "config.json", tiny()):
        with pytest.raises(ValueError, match=r"^dtype: expected one of float64, float32"):
            size_of(thing, dtype=dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_each_float_has_its_width_in_a_bundled_and_in_a_foreign_model(dtype):
    width = getattr(torch, dtype).itemsize
    assert size_of("pythia-14m", dtype=dtype) == 14_067_712 * width
    assert size_of(tiny(), dtype=dtype) == size_of(tiny()) * width // 4


def test_tied_is_once_or_each():
    with pytest.raises(ValueError, match=r"^tied: expected 'once' or 'each', got 'twice'"):
        size_of("gpt2", tied="twice")


def test_sizing_leaves_the_random_numbers_of_torch_alone():
    before = torch.random.get_rng_state()
    tensors_of(on_meta("pythia-14m"))
    assert torch.equal(torch.random.get_rng_state(), before)
