"""What the user or the system cannot deliver."""


class CarpscopeError(Exception):
    """One line for a person: what is wrong and what to do. Exit status 2."""
