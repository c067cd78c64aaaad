"""The bill of any Flower app: what it moved on a real federation, beside what the formula says."""

from fedlab.measure.bill import Row
from fedlab.measure.measuring import measure
from fedlab.measure.report import Compared, MeasureReport
from fedlab.measure.settings import setting

__all__ = ["Compared", "MeasureReport", "Row", "measure", "setting"]
