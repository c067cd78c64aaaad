"""The demos by name: how each is made for its page, and the folder that Voilà serves."""

import json
import os
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from safetensors.numpy import save_file

from fedlab.data import cached, fetch
from fedlab.demos import CATALOGUE, find
from fedlab.demos.page import page
from fedlab.demos.site import environment, write_site
from fedlab.demos.update import first_update
from fedlab.sizes import size_of, tensors_of

ROOT = Path(__file__).parents[1]
NAMES = [entry.name for entry in CATALOGUE]
needs_mnist = pytest.mark.skipif(
    cached("mnist") is None, reason="MNIST is not in the cache: python -m fedlab.data mnist"
)


@pytest.fixture
def empty_cache(monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FEDLAB_CACHE", str(folder))
    return folder


# --- what a page shows ---------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A site of a model that a path names, relative to where the user is."""
    weights = {"w": np.zeros((100, 10), np.float32), "b": np.zeros(10, np.float32)}
    save_file(weights, tmp_path / "tiny.safetensors")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "served"
    folder.mkdir()
    return write_site(folder, tensors_of("tiny.safetensors"))


def cell_of(site, name):
    notebook = nbformat.read(site / f"{name}.ipynb", 4)
    nbformat.validate(notebook)
    (cell,) = notebook.cells
    return cell.source


@pytest.mark.parametrize(
    "entry",
    [pytest.param(e, id=e.name, marks=() if e.takes_model else needs_mnist) for e in CATALOGUE],
)
def test_a_page_shows_its_demo_in_large_type_wherever_its_kernel_runs(
    site, entry, monkeypatch, tmp_path_factory
):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    names = {}
    *imports, last = cell_of(site, entry.name).splitlines()
    exec("\n".join(imports), names)
    demo = eval(last, names)
    assert demo.large
    assert demo.readout().rows
    if entry.takes_model:
        sized = demo.outgoing if hasattr(demo, "outgoing") else demo.model_size
        assert sized == 4 * 1010


def test_a_bundled_model_is_sized_as_size_of_does(tmp_path):
    pages = write_site(tmp_path, tensors_of("gpt2"))
    demo = page("bandwidth", str(pages / "model.json"))
    assert demo.outgoing == demo.incoming == size_of("gpt2")


def test_a_page_that_has_no_data_says_so_in_place_of_the_demo(site, empty_cache):
    said = page("compression", str(site / "model.json")).data
    assert said.startswith('<p role="alert">')
    assert "python -m fedlab.data mnist" in said


def test_the_kernel_is_this_python(site):
    kernel = json.loads((site.parent / "data/kernels/fedlab-demo/kernel.json").read_text("utf-8"))
    assert kernel["argv"][0] == sys.executable
    for name in NAMES:
        notebook = nbformat.read(site / f"{name}.ipynb", 4)
        assert notebook.metadata.kernelspec.name == "fedlab-demo"
        assert notebook.metadata.title == find(name).title


def test_all_that_voila_writes_goes_below_the_folder(tmp_path):
    places = {value for value in environment(tmp_path).values() if os.sep in value}
    assert all(Path(place).is_relative_to(tmp_path) for place in places)


# --- the update ----------------------------------------------------------------------------------


@pytest.fixture
def digits_alone(monkeypatch, tmp_path):
    """A cache with MNIST in it and nothing else."""
    (tmp_path / "mnist_5k.csv.gz").write_bytes(fetch("mnist").read_bytes())
    monkeypatch.setenv("FEDLAB_CACHE", str(tmp_path))
    return tmp_path


@needs_mnist
def test_the_update_is_the_one_of_lesson_07(digits_alone):
    lesson = nbformat.read(ROOT / "lessons/07_smaller_updates.ipynb", 4)
    stored = next(
        cell.outputs[-1].data["text/plain"]
        for cell in lesson.cells
        if "CompressionDemo(" in cell.source
    )
    assert find("compression").make(None).readout().headline in stored


@needs_mnist
def test_the_update_is_kept_and_made_again_when_what_is_kept_is_damaged(digits_alone):
    made = first_update()
    (kept,) = digits_alone.glob("update-*.npz")
    for damage in (lambda: None, lambda: kept.write_bytes(kept.read_bytes()[:1000]), kept.unlink):
        damage()
        again = first_update()
        assert again.keys() == made.keys()
        assert all((again[name] == made[name]).all() for name in made)
    assert {path.name for path in digits_alone.iterdir()} == {"mnist_5k.csv.gz", kept.name}
