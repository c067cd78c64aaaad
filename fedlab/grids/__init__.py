"""Layers on the server's side of the message path: thin wrappers around Flower's Grid.

They work with any strategy, and compose: `CheckingGrid(DecodingGrid(MeteredGrid(grid, ledger)))`
weighs what really leaves and arrives, makes whole what the clients' mods made smaller, then turns
what is no good into a named failure. One layer a file.

`simulate` and `deploy` put these three around the grid; by hand, on any engine:

>>> import numpy as np
>>> from flwr.app import ArrayRecord
>>> from flwr.serverapp import ServerApp
>>> from flwr.serverapp.strategy import FedAvg
>>> from fedlab import Ledger
>>> server, ledger = ServerApp(), Ledger()
>>> @server.main()
... def main(grid, context):
...     layers = CheckingGrid(DecodingGrid(MeteredGrid(grid, ledger)))
...     FedAvg().start(layers, ArrayRecord([np.zeros(5, np.float32)]), num_rounds=1)
"""

from fedlab.grids.checking import CheckingGrid
from fedlab.grids.decoding import DecodingGrid
from fedlab.grids.layer import GridLayer
from fedlab.grids.metered import MeteredGrid
from fedlab.grids.streaming import StreamingGrid

__all__ = ["CheckingGrid", "DecodingGrid", "GridLayer", "MeteredGrid", "StreamingGrid"]
