"""How much one run remembers, and who is forgotten first.

Whoever can send a frame can invent senders, groups, VLANs and counters as fast as the wire
carries them; each costs nothing to send. What they may cost here is bounded:

- Whoever advertises is followed, up to `nodes` in all groups together and `group_free` in
  each. Beyond that a newcomer is a stranger: it is counted, and followed only if it verifies,
  is configured, or advertises again in the beat that it announces (`timeline.strangers`).
  With `group_nodes` in its group somebody has to be forgotten for it: whoever was heard for
  the shortest time, and of those who was heard least recently. Configured and verified nodes,
  and those heard for `ESTABLISHED`, stay.
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
    """In all groups together; so there are no more groups than this either."""
    group_free: int
    """Source addresses followed in one group without a question; nobody runs more nodes."""
    group_nodes: int
    """The same at the most."""
    signatures: int = 65_536
    """Counter and HMAC of an advertisement, to recognise it when it comes again."""
    signed: int = 65_536
    """The same by node, to compare what two nodes make of one counter."""
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
    """MASTER periods, changes and spans of one node; the latest stay."""
    contests: int = 500
    """Times with several masters, in one group."""
    contest_age: Nanos | None = None
    """Those that ended longer ago belong to situations that are over."""
    silent: Nanos | None = None
    """After this long a node is no longer there, in a run without an end."""


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
"""Less: situations are followed from look to look, and each look goes through all of it."""
