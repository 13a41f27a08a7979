"""A report as values: what the page and its text version show, computed once."""

from collections.abc import Iterable, Sequence

from carpscope.core.address import ip_text
from carpscope.core.text import plural
from carpscope.core.units import clock, day
from carpscope.detect.incident import Incident
from carpscope.report.finding import frame_name
from carpscope.report.forensic import account, chronicle, story
from carpscope.report.forensic.group_view import group_view
from carpscope.report.forensic.incident_view import incident_views
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.views import Budget, Model, TimeRow
from carpscope.timeline.group import Group, group_words
from carpscope.timeline.mastership import is_master

OVERVIEW_MAX = 500
FRAMES_SHOWN = 4


def model(request: Request, budget: Budget) -> Model:
    """Compute what is shown, within a budget."""
    severity, words = story.verdict(request)
    result = Model(
        request,
        severity,
        words,
        story.examined(request),
        list(account.account(request)),
        _few(story.undecided(request), budget.events, "more of this kind"),
        list(story.method(request)),
    )
    incident_views(result, budget)
    _time_line(result, budget)
    incidents = request.analysis.incidents
    ranked = _worst_first(request)
    result.overview = [_overview(group, incidents, request) for group in ranked[:OVERVIEW_MAX]]
    result.groups += [group_view(result, group, budget) for group in ranked[: budget.groups]]
    left = result.left_out
    if (more := len(ranked) - budget.groups) > 0:
        left.append(f"drawings of {plural(more, 'more group')}")
    if (more := len(ranked) - OVERVIEW_MAX) > 0:
        left.append(f"{plural(more, 'more group')} (nodes.csv has all)")
    if request.exhibits.left_out:
        left.append(f"{plural(request.exhibits.left_out, 'frame')} of evidence.pcapng")
    left += request.analysis.notes
    return result


def _worst_first(request: Request) -> list[Group]:
    """Give the groups of the first incident, then of the next; those of none come last."""
    by_id = {group.id: group for group in request.groups}
    order = [one for incident in request.analysis.incidents for one in incident.groups]
    return [by_id[one] for one in dict.fromkeys([*order, *by_id]) if one in by_id]


def _overview(group: Group, incidents: Sequence[Incident], request: Request) -> tuple[str, ...]:
    known = group.known
    masters = [request.called(node.id) for node in known if is_master(node)]
    return (
        group_words(group.id),
        account.few(map(ip_text, request.places.held(group.id))) or "not known",
        account.few([request.called(node.id) for node in known], 3),
        account.few(masters, 3) or "nobody",
        ", ".join(str(i) for i, one in enumerate(incidents, 1) if group.id in one.groups) or "none",
    )


def _time_line(result: Model, budget: Budget) -> None:
    request = result.request
    rows, outside = chronicle.rows(request)
    found = chronicle.kept(rows, budget.events)
    days = {day(row.first.at) for row in found if row.first.at is not None}
    for row in found:
        one = row.first
        assert one.at is not None
        time = clock(one.at, digits=3)
        frames = list(dict.fromkeys(ref for each in row.whole for ref in each.frames))
        told = [str(frame_name(ref, request.names)) for ref in frames[:FRAMES_SHOWN]]
        who = account.few(dict.fromkeys(each.who for each in row.whole if each.who), 2)
        groups = row.groups
        where = group_words(groups[0]) if len(groups) == 1 else f"{len(groups)} groups"
        more = f" (and alike in {plural(len(row.alike), 'more group')})" if row.alike else ""
        result.rows.append(
            TimeRow(
                f"{day(one.at)} {time}" if len(days) > 1 else time,
                request.zone.clock(one.at, digits=3) if request.zone is not None else "",
                f"{where}: {who}" if groups and who else who or where if groups else "",
                one.kind,
                row.text + more,
                ", ".join(told) + (" …" if len(frames) > FRAMES_SHOWN else ""),
                one.link,
            )
        )
    result.rows_left = len(rows) - len(found)
    if result.rows_left:
        more = plural(result.rows_left, "more line")
        result.left_out.append(f"{more} of the time line (events.jsonl has all)")
    if outside:
        lines = plural(outside, "line")
        result.left_out.append(f"{lines} of hosts' logs from outside of the captures' time")


def _few(texts: Iterable[str], limit: int, words: str) -> list[str]:
    """Keep the first of many sentences, each once, and say how many there would be."""
    found = list(dict.fromkeys(texts))
    if len(found) > limit:
        return [*found[:limit], f"… and {len(found) - limit:,} {words}."]
    return found
