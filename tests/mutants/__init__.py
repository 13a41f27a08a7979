"""Mutation testing: does a test fail when a line says something else? `make mutants` asks.

`operators` says what may be changed, `cover` which tests run which lines, `judge` runs them
against a change in a process of its own, `book` keeps verdicts and counts them.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
