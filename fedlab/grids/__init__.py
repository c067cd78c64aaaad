"""Layers on the server's side of the message path: thin wrappers around Flower's Grid.

They work with any strategy, and compose: `CheckingGrid(MeteredGrid(grid, ledger))` weighs what
really leaves and arrives, then turns what is no good into a named failure. One layer a file.
"""

from fedlab.grids.checking import CheckingGrid
from fedlab.grids.layer import GridLayer
from fedlab.grids.metered import MeteredGrid
from fedlab.grids.streaming import StreamingGrid

__all__ = ["CheckingGrid", "GridLayer", "MeteredGrid", "StreamingGrid"]
