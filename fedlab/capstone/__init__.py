"""The capstone's task: train a fixed federation inside a budget of bytes and of memory.

Dense 784-64-10, MNIST over ten clients by Dirichlet(0.3), at most 40 rounds. A `Plan` says how;
`run` trains it for real and measures what it reached; `reference` is what the course's own plan
reached, without the plan.

The limits: 92 % right on the server's own 1,000 digits, as a mean over the last five rounds; no
client sends more than 300,000 bytes, at the level of payload (what the ledger's `uplink` counts:
encoded tensors with their headers, no names and no metrics); the server holds 3 models at most.
"""

from fedlab.capstone.attempt import Attempt, run
from fedlab.capstone.plan import Plan, PlanError
from fedlab.capstone.reached import reference
from fedlab.capstone.task import CLIENTS, MOST_ROUNDS, SERVER, TARGET, UPLINK
from fedlab.capstone.weighing import server_holds

__all__ = [
    "CLIENTS",
    "MOST_ROUNDS",
    "SERVER",
    "TARGET",
    "UPLINK",
    "Attempt",
    "Plan",
    "PlanError",
    "reference",
    "run",
    "server_holds",
]
