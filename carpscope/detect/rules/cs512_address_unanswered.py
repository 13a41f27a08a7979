"""Nobody answers for a shared address, though a node is MASTER.

What it means
    The election is fine and the service is gone: the MASTER advertises and does not have the
    address. Hosts that do not know its MAC yet cannot reach it, the others soon neither.

How it is seen
    Requests for a shared address (ARP, neighbour solicitations) stay unanswered beside a live
    MASTER: five or more in a row, over as long as a host asks before it gives up. Only where
    the capture sees answers at all: on a port that mirrors others, or where the asker or the
    MASTER is the host that captures.

False alarms
    A capture that has broadcasts and no unicast would look like this; answers of other hosts
    must be in it.

What to do
    On the MASTER: put the address back, or restart ucarp, which adds it by its script. Find
    out what removed it: restarting the network, or another manager of addresses. A kernel
    whose HMAC is over the address still has it: then look at what drops requests or answers
    (the port of the switch, inspection of ARP, a packet filter).

Sources
    RFC 826, RFC 4861 section 7.2; UCarp issue 26.
"""

from collections.abc import Iterator

from carpscope.core.address import ip_text
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.commands import to_add
from carpscope.detect.finding import Evidence, Finding, Severity
from carpscope.detect.holders import holders
from carpscope.detect.rule import Context, Rule
from carpscope.detect.standing import vips
from carpscope.detect.words import since
from carpscope.timeline import traits
from carpscope.timeline.copies import COPY_WINDOW
from carpscope.timeline.facts import Answered, Asked, Fact
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.node import Node
from carpscope.wire.arp import PATIENCE

Vlan = tuple[int, ...]
ADDRESSES_KEPT = 1024
RUNS_KEPT = 16
REQUESTS_MIN = 5
PARTNERS_KEPT = 8


@dataclass(slots=True)
class _Run:
    """Requests for one address of which none was answered."""

    start: Nanos
    end: Nanos
    askers: set[bytes] = field(default_factory=set)
    evidence: Evidence = field(default_factory=Evidence)
    is_open: bool = True


@dataclass(slots=True)
class _Sight:
    """Whose answers a segment's capture has: who takes part in all of them may be its host."""

    count: int = 0
    always: set[bytes] | None = None


class AddressUnanswered:
    """Counts requests without an answer."""

    def __init__(self, context: Context) -> None:
        """Keep the context to see who is MASTER of what."""
        self._context = context
        self._runs: dict[tuple[Vlan, bytes], list[_Run]] = {}
        self._sights: dict[Vlan, _Sight] = {}

    def see(self, fact: Fact) -> None:
        """Take requests and answers."""
        if isinstance(fact, Asked) and not fact.is_probe:
            self._asked(fact)
        elif isinstance(fact, Answered) and not fact.is_router:
            runs = self._runs.get((fact.vlan, fact.address))
            if runs and runs[-1].is_open:
                runs[-1].is_open = False
                if runs[-1].evidence.count < REQUESTS_MIN:
                    runs.pop()
            self._answered(fact)

    def _asked(self, fact: Asked) -> None:
        key = (fact.vlan, fact.address)
        runs = self._runs.get(key)
        if runs is None:
            if len(self._runs) >= ADDRESSES_KEPT:
                return
            runs = self._runs[key] = []
        if not runs or not runs[-1].is_open:
            runs[:] = [*runs[-RUNS_KEPT:], _Run(fact.at, fact.at)]
        run = runs[-1]
        if run.evidence.count and fact.at - run.end <= COPY_WINDOW:
            return
        run.end = fact.at
        run.evidence.add(fact.frame)
        if fact.asker is not None and len(run.askers) < PARTNERS_KEPT:
            run.askers.add(fact.asker)

    def _answered(self, fact: Answered) -> None:
        if fact.sender is None or fact.to is None or fact.to[0] & 1:
            return
        if len(self._sights) >= ADDRESSES_KEPT and fact.vlan not in self._sights:
            return
        sight = self._sights.setdefault(fact.vlan, _Sight())
        pair = {fact.sender, fact.to}
        sight.count += 1
        sight.always = pair if sight.always is None else sight.always & pair

    def findings(self, at: Nanos) -> Iterator[Finding]:
        """Give every address that nobody answered for."""
        del at
        for group in self._context.groups:
            if not any(node.master_periods for node in group.nodes.values()):
                continue
            for address in vips(group, self._context.config):
                for run in self._runs.get((group.vlan, address), ()):
                    if run.evidence.count >= REQUESTS_MIN and run.end - run.start >= PATIENCE:
                        yield from self._finding(group, address, run)

    def _finding(self, group: Group, address: bytes, run: _Run) -> Iterator[Finding]:
        first, last = holders(group, run.start), holders(group, run.end)
        if not (first.is_live and last.is_live) or len(last.masters) != 1:
            return
        (master,) = last.masters
        if not self._sees(group.vlan, run, master):
            return
        text = ip_text(address)
        why, remedy = (
            _has_it(master, address)
            if _signs(master, address, run.end)
            else _lost_it(master, group.vhid, address)
        )
        yield Finding(
            code=RULE.code,
            label=RULE.label,
            severity=RULE.severity,
            confidence=0.9,
            group=group.id,
            nodes=(master.id,),
            start=run.start,
            end=run.end,
            frames=run.evidence.frames,
            frame_count=run.evidence.count,
            summary=f"nobody answers for {text}, though {master.id} is MASTER",
            explanation=(
                f"{run.evidence.count} requests for {text} in a row got no answer, "
                f"{since(run.start, run.end)}, while {master.id} advertised as MASTER; answers of "
                f"other hosts are in the capture. {why}"
            ),
            remedy=remedy,
            ongoing=run.is_open,
        )

    def _sees(self, vlan: Vlan, run: _Run, master: Node) -> bool:
        """Tell whether an answer would have been in the capture."""
        sight = self._sights.get(vlan)
        if sight is None or sight.always is None:
            return False
        ends = {*run.askers, master.own_mac, master.mac}
        return all(host in ends for host in sight.always)


def _signs(master: Node, address: bytes, at: Nanos) -> bool:
    """Tell whether the master signs an address because it has it: ucarp signs what it was given."""
    ways = [way for way in master.authentication.ways if way.start <= at]
    recipe = ways[-1].recipe if ways else None
    return recipe is not None and address in recipe.address_set and identify(master).is_kernel


def _has_it(master: Node, address: bytes) -> tuple[str, str]:
    """Explain silence about an address that is on the vhid, and where to look."""
    arp = len(address) == 4
    asks = "ARP" if arp else "neighbour discovery"
    path = (
        "inspection of ARP, port security, storm control"
        if arp
        else "MLD snooping, RA and ND guards, storm control"
    )
    own = "ipfw with net.link.ether.ipfw on FreeBSD" if arp else "ICMPv6 blocked"
    look = "arp" if arp else "icmp6"
    why = (
        f"Its HMAC is over {ip_text(address)}, so the address is on its vhid: the requests do not "
        "reach it, or it does not answer, or its answers are lost."
    )
    remedy = (
        f"Look on {master.id} for what drops {asks}: tcpdump -ni IF {look}. If no requests come: "
        f"the port of the switch and what filters on the path ({path}). If they come and no "
        f"answer goes out: its own filter ({own}). If answers go out: the path back."
    )
    return why, remedy


def _lost_it(master: Node, vhid: int, address: bytes) -> tuple[str, str]:
    """Explain an address of which nothing shows that the master has it."""
    back = (
        f"restart ucarp, whose up-script adds {ip_text(address)}"
        if traits.is_ucarp(master)
        else to_add(master, vhid, address)
    )
    return (
        "The address is gone from it, or does not answer.",
        (
            f"On {master.id}: {back}; then find out what removed it (a restart of the network, "
            "another manager of addresses)."
        ),
    )


RULE = Rule(
    "CS512",
    "address_unanswered",
    "Nobody answers for a shared address",
    Severity.ERROR,
    AddressUnanswered,
    (Asked, Answered),
    ("split_brain",),
    plain="nobody answered for {address}",
)
