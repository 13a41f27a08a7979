"""What a sub-command is. Kept light: `--help` loads this and nothing behind it.

A NamedTuple and no dataclass, and no import of `dataclasses` anywhere on this path:
that module alone costs more than printing the help.
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple


class Command(NamedTuple):
    """One sub-command, as its file in `cli/commands` declares it."""

    name: str
    summary: str
    """One line for the list of commands."""
    description: str
    examples: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Returns the exit status; heavy imports belong inside."""
