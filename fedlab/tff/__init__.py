"""The TensorFlow Federated twin: typed bytes, a measured worker, the same training as in Flower.

For TensorFlow Federated's own environment only, which `make tff` makes and whose notebook kernel
is `fedlab-tff`. What is imported here of the other rooms needs numpy alone. Lesson 11 uses all of
it; `python -m fedlab.tff` trains one round.
"""

from importlib.util import find_spec

if find_spec("tensorflow_federated") is None:
    raise ImportError(
        "fedlab.tff needs TensorFlow Federated, which has an environment of its own: run "
        "`make tff` in a clone, then choose the kernel fedlab-tff, or .venv-tff/bin/python"
    )

from fedlab.tff import quiet  # before TensorFlow starts
from fedlab.tff.dense import BATCH, accuracy, dense, fed_avg, initial, tensors_in, with_tensors
from fedlab.tff.error import TffError
from fedlab.tff.feeding import from_file, graph_bytes, in_graph, write_digits
from fedlab.tff.runs import Run, in_flower, in_tff
from fedlab.tff.serialized import Serialized, client_sends
from fedlab.tff.typed import ClientBytes, client_bytes, typed_bytes
from fedlab.tff.worker import Worker, refuse_without_worker

quiet.generated_files_go_with_this_process()
refuse_without_worker()

__all__ = [
    "BATCH",
    "ClientBytes",
    "Run",
    "Serialized",
    "TffError",
    "Worker",
    "accuracy",
    "client_bytes",
    "client_sends",
    "dense",
    "fed_avg",
    "from_file",
    "graph_bytes",
    "in_flower",
    "in_graph",
    "in_tff",
    "initial",
    "tensors_in",
    "typed_bytes",
    "with_tensors",
    "write_digits",
]
