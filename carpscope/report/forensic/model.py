"""A report as values: what the page and its text version show, computed once."""

from collections.abc import Iterable

from carpscope.core.text import plural
from carpscope.core.units import span_text
from carpscope.report.finding import frame_name
from carpscope.report.forensic import story
from carpscope.report.forensic.finding_view import finding_views
from carpscope.report.forensic.group_view import group_view
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.views import Budget, Model


def model(request: Request, budget: Budget) -> Model:
    """Compute what is shown, within a budget."""
    severity, words = story.verdict(request)
    result = Model(
        request,
        severity,
        words,
        _few(story.summary(request), budget.events, "more sentences"),
        [],
        [],
        [],
        _few(story.undecided(request), budget.events, "more of this kind"),
        list(story.method(request)),
        [],
    )
    left = result.left_out
    finding_views(result, budget)
    for group in request.groups[: budget.groups]:
        result.groups.append(group_view(result, group, budget))
    if len(request.groups) > budget.groups:
        left.append(f"{plural(len(request.groups) - budget.groups, 'more group')}")
    events = request.analysis.events
    for event in events[: budget.events]:
        frames = ", ".join(str(frame_name(ref, request.names)) for ref in event.frames)
        result.events.append(
            (
                story.stamp(event.start),
                event.group,
                event.label.replace("_", " "),
                event.summary
                + (f", {span_text(event.end - event.start)}" if event.end > event.start else ""),
                frames,
            )
        )
    if len(events) > budget.events:
        left.append(f"{plural(len(events) - budget.events, 'more event')} (events.jsonl has all)")
    if request.exhibits.left_out:
        left.append(f"{plural(request.exhibits.left_out, 'frame')} of evidence.pcapng")
    return result


def _few(texts: Iterable[str], limit: int, words: str) -> list[str]:
    """Keep the first of many sentences, each once, and say how many there would be."""
    found = list(dict.fromkeys(texts))
    if len(found) > limit:
        return [*found[:limit], f"… and {len(found) - limit:,} {words}."]
    return found
