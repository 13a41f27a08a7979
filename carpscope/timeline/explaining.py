"""Searching recipes for unexplained advertisements: all nodes of a run share one bounded effort.

Nodes with most advertisements come first, and each node gets a quick search before any gets a
long one. So a thousand made-up senders cost no more than the bound, and the real nodes are
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
"""Recipes searched per node and search: nobody changes a passphrase more often."""
DEAR_DIGESTS = 500_000
"""Digests: after a failed search that computed more, no other advertisement of that node is
searched."""
LONGEST = 8
"""Nodes, those that sent most, for which even the most expensive stage is tried."""
LONG = 32
"""Nodes that get a long search though they sent one or two advertisements only."""
BRIEF = "very many senders: those of one or two advertisements were only looked at briefly"
QUICK_SHARE = 2
"""Quick looks take at most one part in so many of what is left."""


class Job(NamedTuple):
    """One node to explain."""

    vhid: int
    recipes: list[Recipe]
    """The recipes known for its vhid; a recipe that is found is added to it."""
    track: AuthenticationTrack
    candidates: Candidates


def gathered(
    supplied: tuple[bytes, ...], learned: Iterable[bytes], group: Group, members: Sequence[Node]
) -> Candidates:
    """Collect the addresses that nodes of a group may sign."""
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
    """Return a job for each node of every group in which advertisements wait.

    All nodes of such a group, because what one signs may explain another. A node that a flood of
    invented senders made gets none: what waits of it becomes spans without a recipe.
    """
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
    """Return the job of one node; addresses of its own network and MAC are tried first."""
    own = tuple(a for a in node.addresses if len(a) == 4)
    macs = tuple(m for m in (node.mac, node.own_mac) if m is not None)
    nearest = candidates._replace(
        networks=tuple(dict.fromkeys((*own, *candidates.networks))),
        macs=tuple(dict.fromkeys((*macs, *candidates.macs))),
    )
    return Job(group.vhid, group.recipes, node.authentication, nearest)


def search_quickly(job: Job, keyring: Keyring, effort: Effort) -> None:
    """Run the cheap stages of the search while the capture is still being read."""
    _search(job, keyring, effort, FIRST, _ends(job.track))
    job.track.tidy(finish=False)


def share(group: Group) -> None:
    """Apply the recipes that are known now to the waiting advertisements of all nodes of a group.

    `timeline.impostor` needs to know who verifies to judge a counter that two nodes signed.
    """
    for node in group.members:
        node.authentication.apply(group.recipes)
        node.authentication.tidy(finish=False)


def find(job: Job, keyring: Keyring, effort: Effort, waiting: Waiting) -> bool:
    """Search a recipe for one advertisement that may not be the node's own; return success.

    `QUICK` also tries addresses in the order in which they were announced, as a node signs while
    it is being configured.
    """
    sample = Sample(job.vhid, waiting.counter, waiting.digest)
    recipe = explain(sample, keyring, job.candidates, effort, stages=QUICK).recipe
    if recipe is not None:
        job.recipes.append(recipe)
    return recipe is not None


def settle(jobs: Sequence[Job], keyring: Keyring, effort: Effort) -> None:
    """Search recipes for all waiting advertisements and put every node's spans in order.

    May be called again: what stayed unexplained is searched once more where candidates have
    changed, or where much more of it came.
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
    """Search sample by sample, and apply each recipe found to all that waits."""
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
    """Return the last waiting advertisement and the first one.

    The last decides the status; the first differs where a passphrase was changed in between.
    """
    count = track.unexplained
    return track.some(dict.fromkeys((count - 1, 0))) if count else []


def _spread(count: int) -> list[int]:
    """Return a few places spread over `count`, to meet a recipe that was used for a while only."""
    places = {count * part // SEARCH_LIMIT for part in range(SEARCH_LIMIT)}
    return sorted({*places, count - 1}) if count else []


def _unexplained(track: AuthenticationTrack, candidates: Candidates) -> list[Waiting]:
    """Return samples of spans that earlier searches left, if a new search may succeed."""
    if track.tried is not None and _same(track.tried, candidates):
        return []
    samples = [s.sample for s in track.spans if s.recipe is None and s.sample is not None]
    if track.tried is not None:
        return samples[-SEARCH_LIMIT:]
    return [samples[place] for place in _spread(len(samples))]


def _worth(track: AuthenticationTrack, candidates: Candidates) -> bool:
    """Return whether a search may find what the last one did not."""
    if track.tried is None or not _same(track.tried, candidates):
        return True
    return track.failures.bit_count() == 1


def _same(one: Candidates, other: Candidates) -> bool:
    """Return whether two candidates are equal but for addresses that only ARP showed."""
    return (one.supplied, one.announced, one.macs) == (other.supplied, other.announced, other.macs)
