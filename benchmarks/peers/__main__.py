"""Measures every peer kernel and prints one JSON object a line; what fails says why in its row."""

import contextlib
import json
import logging
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from timing import measured, vector

from peers.kernels import KERNELS, Kernel

LIBRARIES = {"fedlab": "SMILELab", "nvflare": "NVFlare", "openfl": "OpenFL"}


def row(kernel: Kernel, array: np.ndarray) -> dict[str, object]:
    """What is known of a kernel, with its measurement or with why there is none."""
    about = {
        "library": LIBRARIES.get(kernel.distribution, kernel.distribution),
        "version": None,
        "kernel": kernel.name,
        "beside": kernel.beside,
        "note": kernel.note,
    }
    try:
        about["version"] = version(kernel.distribution)
        coding = kernel.prepare(array.copy())  # one that changed its input would spoil the next
        return about | asdict(measured(array, coding.encode, coding.decode, coding.size))
    except PackageNotFoundError:
        return about | {"failed": "not installed"}
    except Exception as error:  # a peer's failure is a result, whatever it is
        return about | {"failed": f"{type(error).__name__}: {error}".splitlines()[0][:200]}


def main() -> None:
    logging.disable(logging.CRITICAL)
    array, results = vector(), sys.stdout
    for kernel in KERNELS:
        with contextlib.redirect_stdout(sys.stderr):  # some print as they go
            measurement = row(kernel, array)
        print(json.dumps(measurement), file=results, flush=True)


if __name__ == "__main__":
    main()
