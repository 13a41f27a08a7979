"""How much one run remembers, and what is forgotten first.

An attacker can invent senders, groups, VLANs and counters as fast as the wire carries them. What
they may cost here is bounded:

- Each source address that advertises is followed as a node, up to `nodes` in all groups together
  and `group_free` in each group. Beyond that a new one is a stranger: it is counted, and followed
  only if it verifies, is configured, or advertises again at the interval that it announces
  (`timeline.strangers`). Where its group has `group_nodes` already, a node is forgotten for it: the
  one followed for the shortest time, and of equal ones the one heard least recently. Configured
  and verified nodes, and those followed for `ESTABLISHED`, stay.
- What is kept of the nodes that are followed (signatures, counters, what waits to be
  explained, MASTER periods, contests) shares whole budgets: where the sum exceeds one, the longest
  lists lose their oldest entries (`timeline.pruning`). Captures of real networks stay below.

Both are counted, and every report says so.
"""

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.protocol import spans


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one run. About 6 kB a node and 5 kB a group that is just known."""

    nodes: int
    """Nodes in all groups together, and so the most groups."""
    group_free: int
    """Source addresses of one group that are followed without any condition; real groups have
    fewer."""
    group_nodes: int
    """The most source addresses of one group that are followed."""
    signatures: int = 65_536
    """Counter and HMAC of an advertisement, to recognise it when it comes again."""
    signed: int = 65_536
    """Counters with their HMACs kept by node, to compare two nodes that signed the same one."""
    waiting: int = 50_000
    """Advertisements that no passphrase explains yet."""
    history: int = 131_072
    """Advertisements that state machines can be fed again."""
    notes: int = 65_536
    """Pieces of evidence about who accepts whom."""
    pairs: int = 20_000
    """Pairs of nodes in times with several masters."""
    master_periods: int = 50_000
    changes: int = 50_000
    spans: int = 50_000
    announced: int = 50_000
    """Addresses announced, of groups and nodes."""
    each: int | None = None
    """The most MASTER periods, changes and spans of one node (the latest stay); None: no limit."""
    contests: int = 500
    """Times with several masters, in one group."""
    contest_age: Nanos | None = None
    """Contests that ended longer ago are dropped: findings about them are closed."""
    silent: Nanos | None = None
    """In a live run a node is dropped after so long without an advertisement."""


OFFLINE = Limits(6144, 16, 64)
LIVE = Limits(
    4096,
    16,
    64,
    each=200,
    contests=100,
    contest_age=spans.GONE,
    silent=spans.DAY,
)
"""Lower than offline: a live run evaluates all of it every few seconds."""
