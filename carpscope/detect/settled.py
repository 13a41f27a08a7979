"""Findings of configurations: no time and no frames, but files and lines."""

from dataclasses import dataclass

from carpscope.detect.finding import Finding
from carpscope.settings.model import Where


@dataclass(slots=True)
class SettledFinding(Finding):
    """A finding that stands in files."""

    where: tuple[Where, ...] = ()
