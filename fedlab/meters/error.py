"""The one error of the meters."""


class MeterError(RuntimeError):
    """Nothing could be measured, and why."""
