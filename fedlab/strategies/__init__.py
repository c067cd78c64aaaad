"""Strategies that students meet by name. Each only puts its layers around the grid."""

from fedlab.strategies.streaming import StreamingFedAvg
from fedlab.strategies.tracking import BandwidthTrackingFedAvg

__all__ = ["BandwidthTrackingFedAvg", "StreamingFedAvg"]
