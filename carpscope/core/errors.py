"""What the user or the system cannot deliver."""

from carpscope.core.text import shown


class CarpscopeError(Exception):
    """One line for a person: what is wrong and what to do. Exit status 2."""

    def __init__(self, told: str) -> None:
        """Take the line; what it quotes of files and options may hold anything."""
        super().__init__(shown(told))
