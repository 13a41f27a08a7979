"""Explaining what waits: all nodes of a run share one bounded effort.

Who sent most comes first, and everybody gets a quick look before anybody gets a long
one. So a thousand made-up senders cost no more than the bound, and the real nodes are
explained before it is reached.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from carpscope.auth.effort import Effort
from carpscope.auth.explain import (
    ALL,
    DEAR,
    FIRST,
    QUICK,
    Candidates,
    Recipe,
    Sample,
    Stage,
    explain,
)
from carpscope.auth.keyring import Keyring
from carpscope.timeline.authentication import AuthenticationTrack, Waiting
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node

SEARCH_LIMIT = 8
"""Ways of signing found per node and look: nobody rotates more often."""
DEAR_DIGESTS = 500_000
"""After a search that failed and cost more, no other advertisement of that node is searched."""
LONGEST = 8
"""Nodes, those that sent most, for which even the dearest is tried."""
LONG = 32
"""Nodes that get a long search though they sent one or two advertisements only."""
BRIEF = "very many senders: those of one or two advertisements were only looked at briefly"
QUICK_SHARE = 2
"""Quick looks take at most one part in so many of what is left."""


class Job(NamedTuple):
    """One node to explain."""

    vhid: int
    recipes: list[Recipe]
    """Known for its vhid; what is found joins them."""
    track: AuthenticationTrack
    candidates: Candidates


def gathered(
    supplied: tuple[bytes, ...], learned: Iterable[bytes], group: Group, members: Sequence[Node]
) -> Candidates:
    """Collect what nodes of a group may sign."""
    macs = [m for node in members for m in (node.mac, node.own_mac) if m is not None]
    return Candidates(
        supplied,
        tuple(learned),
        tuple(a for node in members[:16] for a in node.addresses if len(a) == 4),
        tuple(dict.fromkeys(macs))[:16],
        tuple(group.announced),
    )


def unexplained(
    groups: Iterable[Group],
    is_invented: Callable[[Group, Node], bool],
    candidates_of: Callable[[Group, list[Node]], Candidates],
) -> list[Job]:
    """Make the jobs of every node that waits, and of who may explain it by what it signs."""
    jobs = []
    for group in groups:
        members = group.members
        if not any(node.authentication.unexplained for node in members):
            continue
        group.revision += 1
        candidates = candidates_of(group, members)
        for node in members:
            if is_invented(group, node):
                node.authentication.tidy(finish=True)
            else:
                jobs.append(job(group, node, candidates))
    return jobs


def job(group: Group, node: Node, candidates: Candidates) -> Job:
    """Make the job of one node; its own network and MAC come before the others'."""
    own = tuple(a for a in node.addresses if len(a) == 4)
    macs = tuple(m for m in (node.mac, node.own_mac) if m is not None)
    nearest = candidates._replace(
        networks=tuple(dict.fromkeys((*own, *candidates.networks))),
        macs=tuple(dict.fromkeys((*macs, *candidates.macs))),
    )
    return Job(group.vhid, group.recipes, node.authentication, nearest)


def search_quickly(job: Job, keyring: Keyring, effort: Effort) -> None:
    """Look at what is easy while a capture is still being read."""
    _search(job, keyring, effort, FIRST, _ends(job.track))
    job.track.tidy(finish=False)


def share(group: Group) -> None:
    """Look with what was found of one node at what the others sent before it was known.

    Whether somebody sends again what another signed (`timeline.impostor`) rests on who verifies.
    """
    for node in group.members:
        node.authentication.apply(group.recipes)
        node.authentication.tidy(finish=False)


def find(job: Job, keyring: Keyring, effort: Effort, waiting: Waiting) -> bool:
    """Look for what explains one advertisement that may not be the node's own.

    A node that is being configured signs in the order in which its addresses come, too.
    """
    sample = Sample(job.vhid, waiting.counter, waiting.digest)
    recipe = explain(sample, keyring, job.candidates, effort, stages=QUICK).recipe
    if recipe is not None:
        job.recipes.append(recipe)
    return recipe is not None


def settle(jobs: Sequence[Job], keyring: Keyring, effort: Effort) -> None:
    """Explain what waits and put every node's spans in order.

    May be called again: what stays unexplained is searched once more when there are other
    candidates, or now and then when more of it came.
    """
    ordered = sorted(jobs, key=lambda job: -job.track.unexplained)
    wanting: list[tuple[Job, list[Waiting]]] = []
    for job in ordered:
        job.track.apply(job.recipes)
        old = _unexplained(job.track, job.candidates)
        if old or (job.track.unexplained and _worth(job.track, job.candidates)):
            wanting.append((job, old))
    reserve = effort.room - effort.room // QUICK_SHARE
    for job, old in wanting:
        # a node of one advertisement is left out when there are very many of them
        if effort.room > reserve or job.track.unexplained > 2:
            few = job.track.some(_spread(job.track.unexplained))
            _search(job, keyring, effort, QUICK, [*few, *old])
    for place, (job, old) in enumerate(wanting):
        has_room = effort.room > 0
        job.track.apply(job.recipes)
        if place >= LONG and job.track.unexplained <= 2:
            _say(job.track, [BRIEF] if job.track.unexplained else [])
        elif job.track.unexplained or old:
            stages = ALL if place < LONGEST else DEAR
            _search(job, keyring, effort, stages, [*_ends(job.track), *old[-1:]])
        if job.track.unexplained and has_room:
            job.track.tried = job.candidates
            job.track.failures += 1
    for job in ordered:
        job.track.apply(job.recipes)
        job.track.tidy(finish=True)


def _search(
    job: Job,
    keyring: Keyring,
    effort: Effort,
    stages: tuple[Stage, ...],
    samples: Sequence[Waiting],
) -> None:
    """Explain what waits sample by sample; what is found explains more than its sample."""
    track = job.track
    limits: list[str] = []
    found = cost = 0
    for waiting in samples:
        if found == SEARCH_LIMIT or cost > DEAR_DIGESTS:
            break
        if any(recipe.fits(waiting.counter, waiting.digest) for recipe in job.recipes):
            continue
        sample = Sample(job.vhid, waiting.counter, waiting.digest)
        outcome = explain(sample, keyring, job.candidates, effort, stages=stages)
        if outcome.recipe is None:
            limits += outcome.limits
            cost += outcome.digests
            continue
        found += 1
        job.recipes.append(outcome.recipe)
    track.apply(job.recipes)
    if track.unexplained and len(stages) >= len(DEAR):
        _say(track, limits)


def _say(track: AuthenticationTrack, limits: list[str]) -> None:
    track.limits = list(dict.fromkeys([*track.limits, *limits]))


def _ends(track: AuthenticationTrack) -> list[Waiting]:
    """The last one decides; the first one too, where a passphrase was rotated in between."""
    count = track.unexplained
    return track.some(dict.fromkeys((count - 1, 0))) if count else []


def _spread(count: int) -> list[int]:
    """Give a few places in order of time, so that what was signed for a while only is met."""
    places = {count * part // SEARCH_LIMIT for part in range(SEARCH_LIMIT)}
    return sorted({*places, count - 1}) if count else []


def _unexplained(track: AuthenticationTrack, candidates: Candidates) -> list[Waiting]:
    """Give samples of what earlier looks left, when there is more to go on."""
    if track.tried is not None and _same(track.tried, candidates):
        return []
    samples = [s.sample for s in track.spans if s.recipe is None and s.sample is not None]
    if track.tried is not None:
        return samples[-SEARCH_LIMIT:]
    return [samples[place] for place in _spread(len(samples))]


def _worth(track: AuthenticationTrack, candidates: Candidates) -> bool:
    """Tell whether a search may find what the last one did not."""
    if track.tried is None or not _same(track.tried, candidates):
        return True
    return track.failures.bit_count() == 1


def _same(one: Candidates, other: Candidates) -> bool:
    """Compare what matters most: addresses only seen in ARP come and go all the time."""
    return (one.supplied, one.announced, one.macs) == (other.supplied, other.announced, other.macs)
