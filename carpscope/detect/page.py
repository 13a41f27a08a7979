"""A page of `carpscope explain`, for what no detector's own file holds."""

from typing import NamedTuple

from carpscope.detect.finding import Severity


class Page(NamedTuple):
    """What `explain` says of one label."""

    code: str | None
    """As detectors have one, never used twice; None for events."""
    label: str
    title: str
    severity: Severity | None
    """None for events, which are not wrong."""
    page: str
