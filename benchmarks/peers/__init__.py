"""The peers' compression kernels, run by their own python: `python -E -m peers` in benchmarks/.

No module here imports this repository's fedlab: where these run, that name is SMILELab's.
"""

import os
from pathlib import Path

_BIN = "Scripts" if os.name == "nt" else "bin"
PYTHON = Path(__file__).parents[2] / ".venv-peers" / _BIN / "python"  # `make bench-peers` makes it
