"""Broken links are read anew only where something has happened, and are always the same."""

from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.core.units import MILLISECOND
from carpscope.live.monitor import Monitor
from carpscope.timeline.group import Group
from carpscope.timeline.links import BrokenLink, broken_links, find_links
from tests.timeline.recorded import TRACES, secrets

LOOK_EVERY = 700 * MILLISECOND


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_what_is_kept_is_what_would_be_read(path: Path) -> None:
    reads = kept = 0

    def compare(group: Group) -> None:
        nonlocal reads, kept
        before = group.links
        given = broken_links(group)
        reads, kept = reads + 1, kept + (group.links is before)
        assert [told(link) for link in given] == [told(link) for link in find_links(group)]

    monitor = Monitor(secrets(path), "span0")
    looked = 0
    with open_capture(str(path)) as capture:
        for frame in capture:
            monitor.see(frame)
            if frame.at - looked > LOOK_EVERY:
                looked = frame.at
                monitor.look(frame.at)
                for group in monitor.observer.groups.values():
                    compare(group)
    monitor.finish()
    for group in monitor.observer.groups.values():
        compare(group)
    assert reads
    assert kept, "the rules had asked before"


def told(link: BrokenLink) -> tuple[object, ...]:
    nodes = link.sender.id, link.receiver.id
    times = link.start, link.end, link.ever, link.is_lasting, tuple(link.frames)
    counts = link.count, link.missed, link.answered, link.ignored, link.contests
    return (*nodes, link.trouble, *times, *counts)
