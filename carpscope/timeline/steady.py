"""Rows of a train that change only counts and times: a lone master that goes on as before.

The result has to be that of seeing each row by itself. Rows that change nothing else are taken in
one step; the observer sees the others one by one. `tests/timeline/test_trains.py` compares both.
"""

from itertools import pairwise

from carpscope.adverts.train import RowKind, Train
from carpscope.core.units import Nanos
from carpscope.protocol import spans, timers
from carpscope.timeline.authentication import Waiting
from carpscope.timeline.copies import COPY_WINDOW
from carpscope.timeline.group import Group, LastAdvert
from carpscope.timeline.impostor import is_counting, signature_key
from carpscope.timeline.log import IDS_KEPT, SignedCounter
from carpscope.timeline.node import (
    COUNTER_MASK,
    INTERVALS_KEPT,
    NEAR,
    SETTLED,
    STEADY,
    CounterHabit,
    Node,
    frame_ref,
)
from carpscope.timeline.pace import is_late
from carpscope.timeline.traits import interval, is_ucarp

_TIME_MAX: Nanos = 1 << 62
_int = int.from_bytes


def leading(group: Group, node: Node, train: Train, resumed: Nanos) -> int:
    """Return how many of the first rows of a train change only counts and times."""
    track, at = node.authentication, train.at
    if (
        (node.plain is not train.plain and node.plain != train.plain)
        or node.adverts < STEADY
        or len(group.masters) != 1
        or group.masters[0] is not node
        or len(node.addresses) != 1
        or node.refused_at
        or is_late(node)
        or node.held
        or node.bow_out is not None
        or node.last < resumed
        or group.last is None
        or group.last.node is not node
        or not at[0] - node.last >= 0
        or at[0] > node.due
        or abs(at[-1]) > _TIME_MAX
        or any(
            one is not node and one.last > node.last - spans.CALM for one in group.nodes.values()
        )
    ):
        return 0
    verifies = bool(track.spans) and track.spans[-1].recipe is not None and not track.waiting
    if not verifies and (group.recipes or not track.waiting):
        return 0  # one may verify and the next one not
    habit = node.counters.get(train.plain.version)
    if habit is None or habit.seen < 2:
        return 0
    if not verifies and habit.is_steady and not _continues(habit, train):
        return 0  # some may be another's (`timeline.foreign`)
    count = _in_time(train, timers.overdue(node.advbase, node.advskew))
    if is_ucarp(node):
        count = _in_beat(train, count, node.last, interval(node).earliest - timers.HOST_LATE)
    if _int(train.counter(0), "big") == habit.value:
        count = _constant(group, node, train, count)
    elif at[0] - node.last <= COPY_WINDOW and group.recent.has(at[0], _packet(train, 0)):
        return 0  # a copy of what came before this train
    else:
        count = group.signatures.fresh(train, 1 if train.kind is RowKind.SAME else count)
    if not verifies:
        return min(count, track.until_due - 1)
    recipe = track.spans[-1].recipe
    assert recipe is not None
    if train.kind is RowKind.SAME and count:
        return count if recipe.signer.verifies(train.moving, 0, 1) else 0
    return recipe.signer.verifies(train.moving, 0, count)


def _continues(habit: CounterHabit, train: Train) -> bool:
    step = _int(train.counter(0), "big") - habit.chained & COUNTER_MASK
    return train.kind is not RowKind.JUMPS and step <= NEAR


def _in_time(train: Train, latest: Nanos) -> int:
    """Return how many rows come before one that comes late, or earlier than the one before."""
    if train.shortest >= 0 and train.longest <= latest:
        return len(train)
    at = train.at
    return next(i for i in range(1, len(train)) if not 0 <= at[i] - at[i - 1] <= latest)


def _in_beat(train: Train, count: int, last: Nanos, earliest: Nanos) -> int:
    """Return how many rows come before one that a node would not send yet."""
    at = train.at
    if at[0] - last < earliest:
        return 0
    if train.shortest >= earliest:
        return count
    return next((i for i in range(1, count) if at[i] - at[i - 1] < earliest), count)


def _constant(group: Group, node: Node, train: Train, count: int) -> int:
    """Return how many of the first rows repeat an advertisement and are not spoofed."""
    plain, at = train.plain, train.at
    first = _first(group, train)
    if (
        first is None
        or train.kind not in (RowKind.SAME, RowKind.ONE)
        or first.source != plain.source
        or first.shape != plain.shape
        or first.stolen is not None
        or is_counting(node)
    ):
        return 0
    soon = timers.too_soon(node.advbase, node.advskew)
    before = node.last_in(plain.version, plain.capture)
    if before is None:
        return 0
    if at[0] - before >= soon and (train.shortest >= soon or len(train) == 1):
        return count
    if at[0] - node.last <= COPY_WINDOW and group.recent.has(at[0], _packet(train, 0)):
        return 0
    known = {first.own_id, *(first.ids or ())}
    for place in range(count):
        own = train.identification(place)
        if at[place] - before < soon and (not own or own in known):
            return place  # early, and not a packet of its own
        before = at[place]
        if len(known) <= IDS_KEPT:
            known.add(own)
    return count


def _first(group: Group, train: Train) -> SignedCounter | None:
    key = signature_key(train.plain.version, train.counter(0), train.digest(0))
    return group.signatures.seen.get(key)


def take(group: Group, node: Node, train: Train, count: int) -> None:
    """Take the first `count` rows of a train, at most as many as `leading` returned."""
    plain, at, track = train.plain, train.at, node.authentication
    version, last = plain.version, train.at[count - 1]
    habit, period = node.counters[version], node.master_period
    assert period is not None
    is_constant = _int(train.counter(0), "big") == habit.value
    _fingerprint(node, train, count)
    if version == 4 or 4 not in group.families:
        latest = at[max(0, count - INTERVALS_KEPT - 1) : count]
        if count <= INTERVALS_KEPT:
            latest = [node.last, *latest]
        node.intervals += [b - a for a, b in pairwise(latest)]
        del node.intervals[:-INTERVALS_KEPT]
    node.ahead = (node.last, at) if count > 1 else None
    ref = frame_ref(plain.capture, train.number[count - 1])
    node.adverts += count
    node.last = node.last_of[version] = last
    node.last_from[version] = plain.capture
    node.last_frame = ref
    if version == 4:
        node.last_id = train.identification(count - 1)
    node.due = last + timers.overdue(node.advbase, node.advskew)
    node.heard_better = node.spoofed = None
    period.seen, period.last = max(period.seen, last), ref
    period.adverts += count
    track.go_on(group.log)
    if is_constant:
        _came_again(group, train, count)
        habit.constant += count
        habit.seen += count
        for _ in range(min(count, 2)):
            habit.link(habit.value)
        habit.chain += max(0, count - 2)
    else:
        _follow(habit, train, count)
    _sign(node, train, count)
    group.log.take(node, train, count, is_constant=is_constant)
    if train.kind is RowKind.JUMPS:
        _ = group.signatures.seen  # its counters are no range that could be compared
    for place in range(max(0, count - 8), count):
        node.sent.append((at[place], _int(train.counter(place), "big")))
    seen = LastAdvert(node, version, last, *plain.shape, _int(train.counter(count - 1), "big"))
    group.last = seen
    if version == 4:
        group.note_ipv4(seen)
    group.copies += train.copied(count)
    _note(group, train, count)
    group.revision += 1


def _fingerprint(node: Node, train: Train, count: int) -> None:
    """Count header fields that differ between implementations, as `fields.collect` does."""
    plain = train.plain
    node.ttl[255] += count
    if plain.version != 4:
        node.traffic_class[plain.tos] += count
        return
    node.tos[plain.tos] += count
    node.dont_fragment[plain.dont_fragment] += count
    for place in range(min(count, SETTLED - node.adverts)):
        node.identifications.append(train.identification(place))


def _came_again(group: Group, train: Train, count: int) -> None:
    first = _first(group, train)
    assert first is not None
    if train.plain.version == 4 and not first.is_full:
        for place in range(count):
            own = train.identification(place)
            if own:
                first.came_with(own, train.plain.shape)


def _follow(habit: CounterHabit, train: Train, count: int) -> None:
    """Update how the counter moves, as `fields.follow_counter` does."""
    before = habit.value
    singles = 1 if train.kind is RowKind.COUNTS else count
    for place in range(singles):
        value = _int(train.counter(place), "big")
        if value - before & COUNTER_MASK <= NEAR:
            habit.sequential += 1
            habit.first_sequential = habit.first_sequential or train.at[place]
        else:
            habit.random += 1
            habit.last_random = train.at[place]
        before = value
    if count > singles:
        habit.sequential += count - singles
        habit.first_sequential = habit.first_sequential or train.at[singles]
    linked = min(count, 2) if train.kind is RowKind.COUNTS else count
    for place in range(linked):
        habit.link(_int(train.counter(place), "big"))
    if count > linked:
        habit.chain += count - linked
        habit.chained = _int(train.counter(count - 1), "big")
    habit.value = _int(train.counter(count - 1), "big")
    habit.seen += count


def _sign(node: Node, train: Train, count: int) -> None:
    """Count rows as verified, or keep them as unexplained."""
    track, base = node.authentication, train.plain.capture
    if not track.waiting:
        span = track.spans[-1]
        span.end, span.last = train.at[count - 1], frame_ref(base, train.number[count - 1])
        span.count += count
        return
    for place in range(count):
        frame = frame_ref(base, train.number[place])
        track.wait(Waiting(train.at[place], frame, train.counter(place), train.digest(place)))


def _note(group: Group, train: Train, count: int) -> None:
    """Keep the latest rows in `Recent`, so that their copies are recognised."""
    at = train.at
    first = count - 1
    while first > 0 and at[count - 1] - at[first - 1] <= COPY_WINDOW:
        first -= 1
    for place in range(first, count):
        group.recent.note(at[place], _packet(train, place))


def _packet(train: Train, place: int) -> bytes:
    """Return a row from IP on."""
    data = train.frame(place).data
    return data[len(data) - (56 if train.plain.version == 4 else 76) :]
