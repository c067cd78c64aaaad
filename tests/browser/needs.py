"""What the browser tests need of a machine: where it is missing, one sentence says the remedy."""

import os
from importlib.util import find_spec
from shutil import which

import pytest

from fedlab import tff_environment
from fedlab.doctor import BROWSERS


def missing(what, remedy):
    """Skip, saying what would mend it; in CI nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}: {remedy}", pytrace=False)
    pytest.skip(f"{what}: {remedy}")


def chromium():
    """The path of a Chromium, where Playwright is there too."""
    found = next(filter(None, map(which, BROWSERS)), None)
    if found is None:
        missing(f"none of {', '.join(BROWSERS)} on the PATH", "apt install chromium")
    if find_spec("playwright") is None:
        missing("no Playwright", "pip install 'fedlab-course[dev]'")
    return found


def kernel(name, installed):
    """A kernel of this name, before a browser waits for it.

    Skips where TensorFlow Federated cannot be at all; where it can, it has to be whole.
    """
    if name == tff_environment.KERNEL:
        if obstacle := tff_environment.obstacle():
            pytest.skip(obstacle)
        if fault := tff_environment.fault():
            pytest.fail(f"{fault}: `make tff` mends it", pytrace=False)
    if name not in installed:
        pytest.fail(
            f"expected one of the kernels {', '.join(sorted(installed))}, got {name!r}: "
            "`fedlab doctor` says how to set it up",
            pytrace=False,
        )
