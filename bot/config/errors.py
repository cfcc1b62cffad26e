"""What is wrong with how the program was set up; ends it with exit code 2."""


class ConfigurationError(Exception):
    """The bot cannot start like this. `hints` are the ways out, a sentence each."""

    def __init__(self, message: str, *, hints: tuple[str, ...] = ()) -> None:
        """`message` is one sentence that ends with a full stop; no secret stands in it."""
        super().__init__(message)
        self.message = message
        self.hints = hints
