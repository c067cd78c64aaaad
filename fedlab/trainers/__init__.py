"""One training loop, and the ways of feeding it that a device's memory allows.

`train` takes what a feed hands it: all examples at once, mini-batches, or mini-batches in parts
whose gradients are accumulated. A feed's examples are in memory, or in a file larger than memory.
"""

from fedlab.trainers.disk import from_disk, to_disk
from fedlab.trainers.feeds import Feed, TrainingError, accumulated, mini_batches, whole
from fedlab.trainers.loop import accuracy, train

__all__ = [
    "Feed",
    "TrainingError",
    "accumulated",
    "accuracy",
    "from_disk",
    "mini_batches",
    "to_disk",
    "train",
    "whole",
]
