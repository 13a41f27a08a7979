"""What a story makes the analysis say, whole: `NAME.txt` beside each scenario in `told`.

Every finding with its evidence and its times, and every event; `make bless` rewrites the pages,
and a change in one of them is a change in what people are told: read it as they would.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from carpscope.core.units import SECOND, Nanos
from carpscope.detect.events import Event
from carpscope.detect.finding import Finding
from carpscope.pipeline import Analysis
from carpscope.sim.frames import EPOCH
from tests.detect.test_stories import STORIES, run

TOLD = Path(__file__).parent / "told"
PATHS = [*sorted(TOLD.glob("*.toml")), *sorted(STORIES.glob("*/*.toml"))]


def page(path: Path) -> Path:
    """Say where a scenario's page lies."""
    return path.with_suffix(".txt")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_told(path: Path, tmp_path: Path, bless: bool) -> None:
    text = ""
    for secrets in (True, False):
        analysis = run(path, tmp_path, secrets=secrets)
        text += "with every secret\n" if secrets else "with none\n"
        text += "".join(f"  {line}\n" for line in lines(analysis)) or "  nothing\n"
    if bless:
        page(path).write_text(text)
    assert text == page(path).read_text()


def lines(analysis: Analysis) -> Iterator[str]:
    """Print findings and events."""
    labels = {finding.identity: finding.label for finding in analysis.findings}
    for finding in analysis.findings:
        yield from told(finding, labels)
    yield from map(event_line, analysis.events)


def told(finding: Finding, labels: dict[str, str]) -> Iterator[str]:
    """Print one finding."""
    sure = f"{finding.severity.value} {finding.confidence}"
    yield f"{finding.code} {finding.label}: {sure}, {finding.group}, {', '.join(finding.nodes)}"
    frames = " ".join(map(str, finding.frames))
    end = f"{seconds(finding.end)} s{' and on' if finding.ongoing else ''}"
    yield f"  from {seconds(finding.start)} to {end}, {finding.frame_count} frames: {frames}"
    for cause in finding.caused_by:
        yield f"  explained by {labels[cause]}"
    for sentence in (finding.summary, finding.explanation, finding.remedy):
        yield f"  {sentence}"


def event_line(event: Event) -> str:
    """Print one event."""
    frames = " ".join(map(str, event.frames))
    return (
        f"{event.label} of {event.group}, {' to '.join(event.nodes)}, {seconds(event.start)} to "
        f"{seconds(event.end)} s, frames {frames}: {event.summary}"
    )


def seconds(at: Nanos) -> str:
    """Print a time as seconds of the story."""
    return f"{(at - EPOCH) / SECOND:.3f}"


def test_every_page_belongs_to_a_story() -> None:
    pages = {*TOLD.glob("*.txt"), *STORIES.glob("*/*.txt")}
    assert pages == {page(path) for path in PATHS}
