"""What of the formats is not supported."""


class Unsupported(ValueError):
    """The problem contains what cannot be stated here; the message names it."""
