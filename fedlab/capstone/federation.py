"""A plan as a federation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flwr.clientapp.typing import Mod

from fedlab.capstone.plan import Plan, PlanError
from fedlab.capstone.task import digits, model
from fedlab.data import Examples
from fedlab.federations import Federation
from fedlab.mods import compress


def federation(plan: Plan, clients: Sequence[Examples], seed: int) -> Federation:
    """The plan's training on these clients. Raises PlanError for a plan that cannot be run."""
    if not isinstance(plan, Plan):
        raise PlanError(f"expected a Plan, got a {type(plan).__name__}")
    if problem := plan.problem():
        raise PlanError(problem)
    return Federation(
        partial(model, tuple(plan.layers), seed),
        clients,
        digits().test,
        lr=plan.learning_rate,
        batch=32,
        epochs=plan.local_epochs,
        optimizer="momentum",
        travels="trainable",
    )


def mods(plan: Plan) -> list[Mod]:
    """What the plan puts on the clients' side of the message path."""
    return [] if plan.codec is None else [compress(plan.codec)]
