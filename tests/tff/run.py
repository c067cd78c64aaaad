"""Run the tests of fedlab.tff under TensorFlow Federated's own Python, which is made if need be."""

import os
import subprocess
import sys
from pathlib import Path

from fedlab import tff_environment as tff

HERE = Path(__file__).resolve().parent


def main():
    """Return the exit status; where the environment cannot be, say so in one line and succeed."""
    if obstacle := tff.obstacle():
        print(obstacle)
        return 0
    if failed := tff.set_up():
        return failed
    # The conftest at the root is the main environment's; that of tests/ holds in both.
    alone = ["-c", HERE / "pytest.ini", "--rootdir", tff.ROOT, "--confcutdir", HERE.parent]
    command = [tff.python(), "-m", "pytest", "-q", *alone, HERE, tff.ROOT / "fedlab" / "tff"]
    return subprocess.run(command, cwd=tff.ROOT, env=os.environ | tff.variables()).returncode


if __name__ == "__main__":
    sys.exit(main())
