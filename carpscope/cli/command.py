"""What a sub-command is. Kept light: `--help` loads this and nothing behind it.

A plain class, and neither `dataclasses` nor `typing` anywhere on this path: each of them
takes about as long to import as the help takes to print. `tests/cli/test_start.py` holds
the list of modules that `--help` may load.
"""

import argparse
from collections.abc import Callable


class Command:
    """One sub-command, as its file in `cli/commands` declares it."""

    __slots__ = ("configure", "description", "examples", "name", "run", "summary")

    def __init__(
        self,
        name: str,
        summary: str,
        description: str,
        examples: str,
        configure: Callable[[argparse.ArgumentParser], None],
        run: Callable[[argparse.Namespace], int],
    ) -> None:
        """Take what the parser needs to know."""
        self.name = name
        self.summary = summary
        """One line for the list of commands."""
        self.description = description
        self.examples = examples
        self.configure = configure
        self.run = run
        """Returns the exit status; heavy imports belong inside."""
