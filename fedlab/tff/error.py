"""The one error of this room."""


class TffError(RuntimeError):
    """TensorFlow Federated cannot do what was asked, and what to do instead."""
