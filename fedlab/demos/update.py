"""A real update for the compression demo: the one that lesson 07 looks at.

Making it takes torch's optimizers, whose import alone takes seconds, so it is kept in the cache.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import numpy as np

from fedlab import __version__
from fedlab.data import cached, dirichlet, mnist
from fedlab.data.fetching import cache_folder
from fedlab.demos.catalogue import DemoError

Update: TypeAlias = dict[str, np.ndarray[Any, np.dtype[np.float32]]]


def first_update() -> Update:
    """What the first of ten clients changes in two epochs on its digits, tensor by tensor.

    The digits are dealt with skewed labels, Dirichlet(0.5); 50,890 float32 values, the same each
    time. Raises DemoError when MNIST is not in the cache: it is not fetched while a room waits.
    """
    place = cache_folder() / f"update-{__version__}-torch-{version('torch')}.npz"
    with suppress(OSError, ValueError, EOFError, BadZipFile), np.load(place) as kept:
        return dict(kept)
    if cached("mnist") is None:
        raise DemoError(
            "the demo compression is made from MNIST, which is not in the cache: connect to the "
            "network and run: python -m fedlab.data mnist"
        )
    update = _trained()
    with suppress(OSError):  # a cache that cannot be written keeps nothing
        _keep(update, place)
    return update


def _trained() -> Update:
    from fedlab.models import seed_mlp
    from fedlab.trainers import mini_batches, train

    digits = mnist().train
    first = digits.take(dirichlet(digits.labels, 10, 0.5)[0])
    model = seed_mlp()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train(model, mini_batches(first, 32), lr=0.3, epochs=2, progress=False)
    return {name: (model.state_dict()[name] - start).numpy() for name, start in before.items()}


def _keep(update: Update, place: Path) -> None:
    """Into the cache whole, in one move: another page may read it meanwhile."""
    with tempfile.TemporaryDirectory(dir=place.parent, ignore_cleanup_errors=True) as private:
        whole = Path(private, place.name)
        np.savez(whole, **update)  # type: ignore[arg-type]  # no tensor is called allow_pickle
        whole.replace(place)
