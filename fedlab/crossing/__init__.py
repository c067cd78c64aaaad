"""What crosses between two environments that cannot import each other: plain files in a folder.

TensorFlow Federated and Flower need different versions of the same packages. So the one writes a
plan, the other runs it (`python -m fedlab.crossing FOLDER`, in Flower's environment) and writes the
outcome. Both sides import this room, which needs numpy alone::

    plan.json     {"rounds": 5, "lr": 0.1, "batch": 32, "clients": [[0, 2, …], [1, …]]}
                  clients: the digits of each, as indices into `mnist().train`, in the order in
                  which they go through the model in every round; batch: so many make a step of SGD
    initial.npz   the model before the first round, a dense network: float32 "0.weight" (64, 784),
                  "0.bias" (64,), "2.weight" (10, 64), "2.bias" (10,), as torch's `mlp` names them
    outcome.json  {"accuracies": [0.1, …], "downlink": {"payload": …, "record": …, "message": …},
                  "uplink": {…}, "failures": ["client 3: …"]}; accuracies on `mnist().test` before
                  the first round and after each; bytes of the whole run, at three levels
    final.npz     the global model after the last round, as initial.npz

Arrays are NumPy's own format, stored without compression and without pickles.
"""

from fedlab.crossing.arrays import CrossingError, Tensors, names_of
from fedlab.crossing.files import Outcome, Plan, read_outcome, read_plan, write_outcome, write_plan

__all__ = [
    "CrossingError",
    "Outcome",
    "Plan",
    "Tensors",
    "names_of",
    "read_outcome",
    "read_plan",
    "write_outcome",
    "write_plan",
]
