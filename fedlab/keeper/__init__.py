"""A keeper of programs: what it starts ends with it, and it ends with its owner.

A notebook's kernel can be killed at any moment, and what it started would live on. So a small
process of its own starts the programs, in a folder that it deletes at the end, and stops them all
when its standard input closes: at `close`, or because its owner is gone, however that happened.
"""

from fedlab.keeper.handle import Keeper, KeeperError

__all__ = ["Keeper", "KeeperError"]
