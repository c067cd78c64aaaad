"""The course's figures. Each comes with its numbers as a table and a text alternative.

Colours are Okabe and Ito's, told apart by colour-blind readers too; every bar carries its number.
"""

from fedlab.plots.bars import beside, bills
from fedlab.plots.figure import Figure
from fedlab.plots.hops import hops
from fedlab.plots.lines import accuracies, curves, numbers
from fedlab.plots.points import tradeoff
from fedlab.plots.stacks import compositions, partition, shares
from fedlab.plots.values import magnitudes

__all__ = [
    "Figure",
    "accuracies",
    "beside",
    "bills",
    "compositions",
    "curves",
    "hops",
    "magnitudes",
    "numbers",
    "partition",
    "shares",
    "tradeoff",
]
