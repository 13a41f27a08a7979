"""What a report says in sentences: a summary, what cannot be decided, and how it was done."""

from collections.abc import Iterator

from carpscope.core.text import plural
from carpscope.core.units import clock, day, span_text
from carpscope.detect.words import listed
from carpscope.report.capture_place import advice, captured_text
from carpscope.report.forensic.request import Request
from carpscope.report.vantage import BECAUSE, offset_text, place_text, way_text
from carpscope.timeline.clocks import Clock
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.relations import at_the_end

ALIKE_MAX = 6
"""Sentences of one kind that are told one by one."""


def stamp(at: int, digits: int = 3) -> str:
    """Give an instant with its date: `2026-11-23 00:30:57.064 UTC`."""
    return f"{day(at)} {clock(at, digits=digits)} UTC"


def until(at: int, after: int) -> str:
    """Give the end of a stretch of time; its date only where that is another."""
    return f"{clock(at, digits=3)} UTC" if day(at) == day(after) else stamp(at)


def verdict(request: Request) -> tuple[str, str]:
    """Give the answer in one word for style and one line for people."""
    worst = max((f.severity for f in request.findings), key=lambda s: s.rank, default=None)
    if not request.groups and worst is None:
        return "none", "No CARP advertisement is in these captures."
    if worst is None and request.analysis.standing.unheard:
        return "none", "Nothing wrong was found, but the recording does not show how it ended."
    if worst is None:
        return "good", "Nothing wrong was found."
    count = len(request.analysis.incidents)
    return worst.value, (
        f"{plural(count, 'incident')} {'was' if count == 1 else 'were'} found, "
        f"the worst of severity {worst.value}."
    )


def examined(request: Request) -> str:
    """Say what the report is made of."""
    axis = request.axis
    return (
        f"From {stamp(axis.first, 0)} to {stamp(axis.last, 0)} ({span_text(axis.span)}), "
        f"{plural(request.analysis.packets, 'packet')} from "
        f"{plural(len(request.names), 'capture')} were examined; "
        f"{plural(sum(request.analysis.advertisements), 'CARP advertisement')} among them tell "
        f"of {plural(len(request.groups), 'group')} of hosts that share addresses."
    )


def capitalized(words: str) -> str:
    """Begin a sentence with these words."""
    return words[:1].upper() + words[1:]


def undecided(request: Request) -> Iterator[str]:
    """Say what these packets cannot decide, each with what would."""
    captured = request.analysis.captured
    for index, capture in enumerate(request.analysis.captures):
        told = captured_text(captured[index], capture) or "where it was captured does not show"
        yield f"{request.names[index]}: {told}."
        if better := advice(captured[index], request.analysis.findings):
            yield f"{request.names[index]}: {better}."
        for note in capture.notes:
            yield f"{request.names[index]}: {note}."
        if capture.drops is None:
            yield (
                f"{request.names[index]} does not say how many packets the capturing itself lost; "
                "that none were is an assumption."
            )
    alike: dict[str, list[str]] = {}
    for group in request.groups:
        for kind, text in _unknown_of(group, request):
            alike.setdefault(kind, []).append(text)
    for finding in request.findings:
        if finding.confidence < 0.9:
            alike.setdefault(finding.code, []).append(
                f"{finding.code} {finding.label} ({finding.identity}) is {finding.confidence:.0%} "
                "sure; the page of the rule says what else could look like it."
            )
    for texts in alike.values():
        yield from texts[:ALIKE_MAX]
        if (more := len(texts) - ALIKE_MAX) > 0:
            yield f"… and so of {more:,} more; findings.json has them all."
    if request.analysis.vantage is not None:
        yield from (f"{note}." for note in request.analysis.vantage.notes)
    if request.analysis.interrupted:
        yield "The reading was interrupted; what came after is not in this report."


def _unknown_of(group: Group, request: Request) -> Iterator[tuple[str, str]]:
    """Give what is not known of a group, each with what kind of question it is."""
    if len(group.members) == 1:
        text = f"a backup never speaks, so whether {group.members[0].id} has one cannot be seen"
        yield "alone", f"{group.id}: {text}. The hosts' own `ifconfig` tells."
    for node in group.members:
        known = identify(node)
        if known.name is None or known.confidence < 0.75:
            others = listed(known.alternatives) or "any implementation"
            text = f"which system {node.id} runs is not certain; it could be {others}."
            yield "system", f"{group.id}: {text}"
        if node.authentication.recipe is None:
            why = (
                "none of the passphrases and addresses supplied explains its HMAC"
                if request.config.passphrases
                else "no passphrase was supplied"
            )
            yield "signs", f"{group.id}: what {node.id} signs is not known, since {why}."
        for limit in node.authentication.limits:
            yield "limit", f"{group.id}: {node.id}: {limit}."
    for relation in at_the_end(group):
        if relation.relation == "unknown":
            receiver = relation.receiver.id
            text = f"whether {receiver} receives {relation.sender.id}: {relation.because}"
            yield "hears", f"{group.id}: {text}. A capture on {receiver} would tell."


def method(request: Request) -> Iterator[str]:
    """Say how it was done and what that cannot do."""
    yield (
        "Every packet was read from the captures as they lie; nothing was sent, and the files "
        "were opened for reading only. Their SHA-256 was computed over the bytes that were "
        "analyzed, and the files were read again for the evidence frames, with the same digest."
    )
    yield (
        "Who was MASTER is read from who advertises: from the first advertisement to a bow-out, "
        "to a better one that was heard, or to a silence that the node's own interval does not "
        "explain. A node that never advertises leaves no trace."
    )
    yield (
        "Each node's own state machine was run over what it should have heard; where its "
        "advertisements contradict that, it did not hear it. Who accepted whom is also read from "
        "the counter, which all but OpenBSD continue from the advertisement accepted last."
    )
    yield (
        "Times are those of the capturing hosts, shown in UTC to the resolution of the file. "
        "Their clocks were not checked against anything but each other."
    )
    yield from clock_remarks(request)
    yield (
        "Passphrases serve to verify HMACs only. None is in this report; they are named by their "
        "number in the order in which they were given."
    )


def clock_remarks(request: Request) -> Iterator[str]:
    """Say how the clocks of captures stand to each other."""
    vantage = request.analysis.vantage
    if vantage is None:
        yield "One clock: that of the host that captured. Whether it was right is not known."
        return
    yield f"All times are on the clock of {request.names[0]}; whether that was right is not known."
    for clock_ in vantage.clocks[1:]:
        yield from _clock_remarks(clock_, request)
    for place, name in zip(vantage.places, request.names, strict=False):
        known = f": {BECAUSE[place.because]}" if place.addresses else ""
        yield f"{name}: {place_text(place)}{known}."


def _clock_remarks(clock_: Clock, request: Request) -> Iterator[str]:
    name = request.names[clock_.capture]
    if not clock_.known or clock_.reference is None:
        yield f"The clock of {name} cannot be compared: no frame is in both."
        return
    text = (
        f"The clock of {name} was {offset_text(clock_)} against "
        f"{request.names[clock_.reference]}, by {plural(clock_.points, 'frame')} "
        "captured by both"
    )
    if way := way_text(clock_):
        text += f"; frames took {way.removeprefix('there and back ')} there and back"
    if clock_.bound is None:
        text += (
            "; what they share went in one direction only, so how far the clocks are apart and how "
            "long frames were under way cannot be told apart"
        )
    else:
        text += "; the bound holds if between its steps it ran evenly"
        if clock_.path_max is not None:
            text += (
                f" and no packet took longer than {span_text(clock_.path_max)} between the two "
                "places"
            )
    yield f"{text}."
    for step in clock_.steps:
        what = (
            "It was set"
            if step.is_clock
            else "It was set, or the way there became longer or shorter,"
        )
        yield (
            f"{what} by {step.by / 1e9:+.3f} s somewhere between {stamp(step.after)} and "
            f"{stamp(step.before)}; its times in between are uncertain by that much."
        )
