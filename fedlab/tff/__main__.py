"""The command `python -m fedlab.tff`: train one round on real digits, to see that all is there."""

from __future__ import annotations

from fedlab.crossing import Plan
from fedlab.tff import Worker, client_bytes, fed_avg, in_tff, initial


def main() -> None:
    """Two clients, one round; two lines."""
    clients = (tuple(range(1000)), tuple(range(1000, 2000)))
    with Worker():
        before, after = in_tff(Plan(1, 0.1, 32, clients, initial())).accuracies
    sizes = client_bytes(fed_avg())
    print(f"TensorFlow Federated trains: {before:.0%} of digits right, {after:.0%} after a round")
    print(f"a client receives {sizes.down:,} B and sends {sizes.up:,} B in a round")


if __name__ == "__main__":
    main()
