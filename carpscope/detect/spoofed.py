"""What the detectors of replayed, forged and looped advertisements share."""

from collections.abc import Iterator

from carpscope.core.address import mac_text
from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Attacker, Evidence, Finding
from carpscope.detect.rule import Context
from carpscope.detect.words import named
from carpscope.protocol import spans, timers
from carpscope.timeline.facts import Fact, Joined, Spoofed
from carpscope.timeline.group import Group
from carpscope.timeline.impostor import SpoofKind
from carpscope.wire.carp import interval_ns

LOOPS_MIN = 3
"""So many that come back, each once and before the next is sent, are a loop."""
LOOP_SHARE = 7
"""A loop that returns fewer than one advertisement of so many is not told from single copies."""

ATTACKS_KEPT = 200


@dataclass(slots=True)
class Attack:
    """A series of advertisements that the node they name did not send."""

    group: Group
    victim: str
    spoof_kind: SpoofKind
    start: Nanos
    end: Nanos
    evidence: Evidence = field(default_factory=Evidence)
    originals: dict[int, Nanos] = field(default_factory=dict)
    """Frames that were copied, and how long after each the copy came; bounded."""
    sources: dict[bytes, bytes | None] = field(default_factory=dict)
    """Addresses that sent them, and from which MAC."""
    macs: dict[bytes, None] = field(default_factory=dict)
    """Who sent them, as the frames have it; bounded."""
    ttls: dict[int, None] = field(default_factory=dict)
    shapes: dict[tuple[int, int, int], None] = field(default_factory=dict)
    shape: tuple[int, int, int] = (0, 0, 0)
    """What the original said."""

    @property
    def attacker(self) -> Attacker | None:
        """Name who sent them, as far as the frames do."""
        return next((Attacker(*one) for one in self.sources.items()), None)

    @property
    def port(self) -> str:
        """Name the switch port to look for, by the MACs of the frames that are no node's."""
        known = {mac for node in self.group.nodes.values() for mac in (node.mac, node.own_mac)}
        macs = dict.fromkeys(mac_text(m) for m in self.sources.values() if m and m not in known)
        return f"the switch port these frames come from{f' (MAC {named(macs)})' if macs else ''}"

    @property
    def is_loop(self) -> bool:
        """Tell a loop: advertisements come back, each once and before the next is sent.

        Few of them, within what a way there and back takes and from no MAC but the node's: so do
        networks repeat a frame, and nobody gains by it.
        """
        are_several = len(self.originals) >= LOOPS_MIN
        if self.evidence.count > len(self.originals) + are_several:
            return False
        if not are_several and self.strangers():
            return False
        most = self._beat if are_several else timers.PATH
        return all(delay <= most for delay in self.originals.values())

    @property
    def _beat(self) -> Nanos:
        """Return the interval that the originals announce."""
        return interval_ns(*self.shape[:2])

    @property
    def settles(self) -> Nanos:
        """Return until when a loop may still show: one returns what was just sent, each once, and
        not all of it; then no alarm of an attack is due before that is known."""
        soon = all(delay <= self._beat for delay in self.originals.values())
        each_once = self.evidence.count <= len(self.originals)
        undecided = self.spoof_kind is SpoofKind.REPLAYED and soon and each_once
        if not undecided or len(self.originals) >= LOOPS_MIN:
            return 0
        return self.end + (1 + LOOP_SHARE) * self._beat

    def strangers(self) -> list[bytes]:
        """Return the MACs that frames came from which are no node's."""
        mine = {mac for node in self.group.members for mac in (node.mac, node.own_mac)}
        return [mac for mac in self.macs if mac not in mine]


class AttackWatch:
    """Collects spoofed advertisements into attacks; the rule says which are its own."""

    def __init__(self, context: Context) -> None:
        """Begin with nothing."""
        self.context = context
        self._attacks: dict[tuple[str, str, SpoofKind], Attack] = {}
        self._over: list[Attack] = []

    def see(self, fact: Fact) -> None:
        """Take spoofed advertisements."""
        if isinstance(fact, Joined):
            self._joined(fact)
        if not isinstance(fact, Spoofed):
            return
        victim = fact.node.id if fact.node is not None else "unknown"
        key = (fact.group.id, victim, fact.spoof_kind)
        if key not in self._attacks and len(self._attacks) >= ATTACKS_KEPT:
            oldest = min(self._attacks, key=lambda one: self._attacks[one].end)
            self._over = [*self._over, self._attacks.pop(oldest)][-ATTACKS_KEPT:]
        attack = self._attacks.get(key)
        if attack is not None and fact.at - attack.end > spans.QUIET:
            self._over = [*self._over, attack][-ATTACKS_KEPT:]
            attack = None
        if attack is None:
            attack = Attack(fact.group, victim, fact.spoof_kind, fact.at, fact.at)
            self._attacks[key] = attack
        attack.end = fact.at
        attack.evidence.add(fact.frame)
        if len(attack.originals) < 256:
            attack.originals.setdefault(fact.original.frame, fact.at - fact.original.at)
        if len(attack.sources) < 16:
            attack.sources[fact.source] = fact.mac
        if len(attack.macs) < 16 and fact.mac is not None:
            attack.macs[fact.mac] = None
        if fact.ttl and len(attack.ttls) < 16:
            attack.ttls[fact.ttl] = None
        if len(attack.shapes) < 16:
            view = fact.view
            attack.shapes[view.advbase, view.advskew, view.demote] = None
        attack.shape = fact.original.shape

    def _joined(self, fact: Joined) -> None:
        """Give what is known of one node to the one that it is."""
        group = fact.group.id
        for spoof_kind in SpoofKind:
            attack = self._attacks.pop((group, fact.node.id, spoof_kind), None)
            if attack is not None:
                attack.victim = fact.into.id
                if (
                    self._attacks.setdefault((group, fact.into.id, spoof_kind), attack)
                    is not attack
                ):
                    self._over = [*self._over, attack][-ATTACKS_KEPT:]

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give every attack, over or not."""
        del at
        for attack in (*self._over, *self._attacks.values()):
            if self.concerns(attack):
                finding = self.finding(attack)
                finding.settles = attack.settles
                yield finding

    def concerns(self, attack: Attack) -> bool:
        """Tell whether an attack is of this detector's kind."""
        raise NotImplementedError

    def finding(self, attack: Attack) -> Finding:
        """Make the finding of one attack."""
        raise NotImplementedError


def achieved(attack: Attack) -> str:
    """Say what became of the real nodes meanwhile."""
    stepped = []
    beat = timers.overdue(*attack.shape[:2])
    for node in attack.group.members:
        for period in node.master_periods:
            end = period.until
            if attack.start - beat <= end <= attack.end + beat and period.ended_by != "capture":
                stepped.append(f"{node.id} was no longer MASTER after it began")
                break
    real = [
        (max(period.start, attack.start), min(period.seen, attack.end))
        for node in attack.group.members
        for period in node.master_periods
        if period.start <= attack.end and period.seen >= attack.start
    ]
    held = sum(max(0, end - start) for start, end in real)
    silent = attack.end - attack.start - held
    if silent > timers.DEAD_RATIO * interval_ns(*attack.shape[:2]):
        stepped.append(f"no real master advertised for about {silent / SECOND:.1f} s of it")
    return "; ".join(stepped) or "the real nodes did not react"
