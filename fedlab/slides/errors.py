"""What can be wrong with what slides are asked of."""


class SlidesError(ValueError):
    """No slides can be made; one sentence says why."""
