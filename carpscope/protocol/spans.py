"""Spans of time beside the timers of nodes: what situations, clocks, ways and captures take.

What a node does and when is in `timers`. Here is how long something has to be quiet to be over,
how far apart two things of one trouble lie, and what clocks and networks vary by; each says why
it is as long as it is. No rule and no observer has a bound of time of its own.
"""

from carpscope.core.units import MICROSECOND, MILLISECOND, MINUTE, SECOND, Nanos
from carpscope.protocol import timers
from carpscope.protocol.timers import Band

# ---- one situation or two

QUIET: Nanos = MINUTE // 2
"""Without news for so long a situation is over, and what comes later is another one: as long as
changes of master count together (docs/findings/CS104.md, at advbase 1)."""
CAUSE: Nanos = timers.DEAD_RATIO * SECOND
"""A cause and its effect overlap, give or take the time that a backup waits."""
PROOF: Nanos = 10 * SECOND
"""A proof by several captures and a finding that lie this close are of one trouble: two waits of
a ucarp, since either may notice only with its next take-over."""
ENDS: Nanos = timers.AFTERMATH
"""Disagreement that ends so long before the capture does is over."""
CALM: Nanos = 2 * SECOND
"""Nobody else of a group was heard for so long: whatever a node was handed, it has answered (a
ucarp does so within 1.2 s)."""
SETTING: Nanos = timers.ANNOUNCING
"""How soon the next advertisement follows while addresses are being set one by one."""

# ---- clocks, ways, captures

EVEN: Nanos = timers.CAPTURE
"""Points that no straight line fits by more than this mean that the clock did not run evenly."""
RESOLUTION: Nanos = MICROSECOND
"""What a classic capture file rounds its times to."""
RATE_SPAN: Nanos = 5 * SECOND
"""Points closer together than this say nothing of a rate by themselves: 500 ppm, which is the
most that NTP turns a clock, are then no more than a capture's own times may be off."""
UNSURE: Nanos = 50 * MILLISECOND
"""What a way may vary by where only few frames tell; and sightings that meet within this vote for
one offset."""
WAYS: Nanos = 400 * MILLISECOND
"""There and back between continents: less than half of the shortest interval."""
LONG_WAY: Nanos = SECOND
"""A way that became this much longer would undo every election over it: it is the clock."""
EDGE: Nanos = 100 * MILLISECOND
"""At its ends a capture may have begun or stopped between two packets."""

# ---- what a clock of 100 or of 1000 ticks a second leaves (docs/protocol/elections.md, Timers)

SLOW_TICKS = Band(7 * MILLISECOND, 21 * MILLISECOND)
"""Rounded up to ticks and one added, at 100 a second: 10 to 20 ms too long."""
FAST_TICKS = Band(MILLISECOND // 2, 3 * MILLISECOND)
"""The same at 1000."""
CUT_TICKS = Band(-11 * MILLISECOND, -MILLISECOND // 2)
"""Cut to whole ticks, as OpenBSD did from 2018 to 2025: up to a tick too short."""
ON_PACE: Nanos = 50 * MILLISECOND
"""What is farther off its nominal interval tells nothing of ticks."""

# ---- how much is remembered of senders that may be invented

FLOOD_APART: Nanos = MINUTE
"""Strangers that come after so long without any are another flood."""
FLOOD_RETRY: Nanos = SECOND
"""After a search for a place found none, nobody looks again for so long."""
ESTABLISHED: Nanos = MINUTE
"""A node heard for this long keeps its place; nobody can send faster than time passes."""
GONE: Nanos = 60 * MINUTE
"""Unless it was silent for this long."""
DAY: Nanos = 24 * 60 * MINUTE
"""A node that was silent for so long is not followed any more in a run without an end."""
