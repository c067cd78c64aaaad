"""What every codec raises."""


class CodecError(ValueError):
    """A tensor that cannot be encoded, a blob that is not what was expected, an unknown codec."""
