"""What the detectors of replayed, forged and looped advertisements share."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from carpscope.core.units import SECOND, Nanos
from carpscope.detect.finding import Attacker, Evidence, Finding
from carpscope.detect.rule import Context
from carpscope.protocol import timers
from carpscope.timeline.facts import Deceived, Ended, Fact, Joined
from carpscope.timeline.group import Group
from carpscope.timeline.impostor import Deceit

SAME_ATTACK: Nanos = 30 * SECOND
"""Deceits about one node that follow each other within this are one attack."""
LOOP_DELAY: Nanos = 1 * SECOND
"""A loop returns an advertisement while the next has not been sent."""


ATTACKS_KEPT = 200


@dataclass(slots=True)
class Attack:
    """A series of advertisements that the node they name did not send."""

    group: Group
    victim: str
    deceit: Deceit
    start: Nanos
    end: Nanos
    evidence: Evidence = field(default_factory=Evidence)
    originals: dict[int, Nanos] = field(default_factory=dict)
    """Frames that were copied, and how long after each the copy came; bounded."""
    sources: dict[bytes, bytes | None] = field(default_factory=dict)
    """Addresses that sent them, and from which MAC."""
    shapes: dict[tuple[int, int, int], None] = field(default_factory=dict)
    shape: tuple[int, int, int] = (0, 0, 0)
    """What the original said."""

    @property
    def attacker(self) -> Attacker | None:
        """Name who sent them, as far as the frames do."""
        return next((Attacker(*one) for one in self.sources.items()), None)

    @property
    def is_loop(self) -> bool:
        """Tell a loop: several advertisements come back, each once and soon."""
        soon = [delay for delay in self.originals.values() if delay <= LOOP_DELAY]
        each_once = self.evidence.count <= len(self.originals) + 1
        return len(soon) >= 3 and len(soon) == len(self.originals) and each_once

    def may_become_loop(self, at: Nanos) -> bool:
        """Tell whether the next advertisement may still come back like those until now: then it
        is a loop, and no alarm of an attack is due before that is known."""
        waits = LOOP_DELAY + timers.overdue(self.shape[0], self.shape[1])
        soon = all(delay <= LOOP_DELAY for delay in self.originals.values())
        each_once = self.evidence.count <= len(self.originals)
        undecided = self.deceit is Deceit.REPLAYED and soon and each_once and not self.is_loop
        return undecided and 0 <= at - self.end < waits


class AttackWatch:
    """Collects deceits into attacks; the rule says which are its own."""

    def __init__(self, context: Context) -> None:
        """Begin with nothing."""
        self.context = context
        self._attacks: dict[tuple[str, str, Deceit], Attack] = {}
        self._over: list[Attack] = []
        self._is_over = False

    def see(self, fact: Fact) -> None:
        """Take deceits."""
        if isinstance(fact, Joined):
            self._joined(fact)
        self._is_over = self._is_over or isinstance(fact, Ended)
        if not isinstance(fact, Deceived):
            return
        victim = fact.node.id if fact.node is not None else "unknown"
        key = (fact.group.id, victim, fact.deceit)
        if key not in self._attacks and len(self._attacks) >= ATTACKS_KEPT:
            oldest = min(self._attacks, key=lambda one: self._attacks[one].end)
            self._over = [*self._over, self._attacks.pop(oldest)][-ATTACKS_KEPT:]
        attack = self._attacks.get(key)
        if attack is not None and fact.at - attack.end > SAME_ATTACK:
            self._over = [*self._over, attack][-ATTACKS_KEPT:]
            attack = None
        if attack is None:
            attack = Attack(fact.group, victim, fact.deceit, fact.at, fact.at)
            self._attacks[key] = attack
        attack.end = fact.at
        attack.evidence.add(fact.frame)
        if len(attack.originals) < 256:
            attack.originals.setdefault(fact.original.frame, fact.at - fact.original.at)
        if len(attack.sources) < 16:
            attack.sources[fact.source] = fact.mac
        if len(attack.shapes) < 16:
            view = fact.view
            attack.shapes[view.advbase, view.advskew, view.demote] = None
        attack.shape = fact.original.shape

    def _joined(self, fact: Joined) -> None:
        """Give what is known of one node to the one that it is."""
        group = fact.group.id
        for deceit in Deceit:
            attack = self._attacks.pop((group, fact.node.id, deceit), None)
            if attack is not None:
                attack.victim = fact.into.id
                if self._attacks.setdefault((group, fact.into.id, deceit), attack) is not attack:
                    self._over = [*self._over, attack][-ATTACKS_KEPT:]

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give every attack, over or not, as soon as it is known to be one."""
        for attack in (*self._over, *self._attacks.values()):
            waits = not self._is_over and attack.may_become_loop(at)
            if self.concerns(attack) and not waits:
                yield self.finding(attack)

    def concerns(self, attack: Attack) -> bool:
        """Tell whether an attack is of this detector's kind."""
        raise NotImplementedError

    def finding(self, attack: Attack) -> Finding:
        """Make the finding of one attack."""
        raise NotImplementedError


def achieved(attack: Attack) -> str:
    """Say what became of the real nodes meanwhile."""
    stepped = []
    for node in attack.group.members:
        for reign in node.reigns:
            end = reign.until
            if attack.start - SECOND <= end <= attack.end + SECOND and reign.ended_by != "capture":
                stepped.append(f"{node.id} was no longer MASTER after it began")
                break
    real = [
        (max(reign.start, attack.start), min(reign.seen, attack.end))
        for node in attack.group.members
        for reign in node.reigns
        if reign.start <= attack.end and reign.seen >= attack.start
    ]
    held = sum(max(0, end - start) for start, end in real)
    silent = attack.end - attack.start - held
    if silent > 3 * SECOND:
        stepped.append(f"no real master advertised for about {silent / SECOND:.1f} s of it")
    return "; ".join(stepped) or "the real nodes did not react"
