"""The finding of the run itself: a part of carpscope failed, so that its verdict is not whole."""

from collections.abc import Iterator

from carpscope.core.mistakes import Mistakes, sentence
from carpscope.detect.finding import Finding, Severity

CODE, LABEL = "CS901", "internal_error"
RUN = "run"
"""What stands for a group where a finding is about none."""


def findings(mistakes: Mistakes) -> Iterator[Finding]:
    """Give one finding of all mistakes, if there are any."""
    found = list(mistakes)
    if not found:
        return
    frames = tuple(dict.fromkeys(frame for one in found for frame in one.frames))
    count = mistakes.count
    yield Finding(
        code=CODE,
        label=LABEL,
        severity=Severity.ERROR,
        confidence=1.0,
        group=RUN,
        nodes=(),
        start=min(one.start for one in found),
        end=max(one.end for one in found),
        frames=frames,
        frame_count=len(frames),
        summary=(
            f"{count:,} mistakes of carpscope itself"
            if count > 1
            else "a mistake of carpscope itself"
        ),
        explanation=sentence("; ".join(one.text for one in found[:4])),
        remedy=(
            "Run the same again with --debug and send what it prints. Until then, do not rely on "
            "what this run does not say."
        ),
        ongoing=True,
    )
