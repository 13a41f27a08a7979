"""What a monitor can see: nothing is concluded of a time in which it could not.

Blind is a segment whose interface is down, gone or without a carrier; nothing to judge is there
where no advertisement was heard since listening began, or since the interface came back. Both
make it *unknown* how things stand, in every output: `unknown` is the one place that says so.
"""

from carpscope.core.recommended import instead
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass
from carpscope.timeline import traits
from carpscope.timeline.group import Group
from carpscope.timeline.observe import Observer


@dataclass(slots=True)
class Sight:
    """Since when one segment can be seen, or not."""

    since: Nanos
    """Since when it is seen without a break, or cannot be seen."""
    why: str = ""
    """Why nothing can be seen; empty while something can."""
    noticed: Nanos = 0
    """When that was noticed: a frame of later says that it is over."""
    adverts: int = 0
    """How many advertisements had been heard when it came back."""

    @property
    def is_blind(self) -> bool:
        """Tell whether nothing can be seen now."""
        return bool(self.why)

    def has_seen_since(self, at: Nanos) -> bool:
        """Tell whether something was seen after a moment, and still can be."""
        return not self.is_blind and self.since > at

    def lose(self, since: Nanos, now: Nanos, why: str) -> None:
        """Note that nothing can be seen, and since when; the first reason stays."""
        if not self.is_blind:
            self.since, self.noticed, self.why = since, now, why

    def regain(self, at: Nanos, adverts: int) -> tuple[Nanos, str]:
        """Note that it is over; return since when it had lasted, and why."""
        before = self.since, self.why
        self.since, self.why, self.adverts = at, "", adverts
        return before

    def unknown(self, observer: Observer, *, has_findings: bool) -> str:
        """Say why it is unknown how things stand; empty where something can be judged."""
        if self.is_blind:
            return self.why
        if has_findings or observer.advertisements > self.adverts:
            return ""
        heard = "no CARP advertisement heard"
        told = (
            instead(observer.vrrp)
            if observer.vrrp
            else next(observer.alive.witness.encrypted(), "")
        )
        return f"{heard}: {told}" if told else heard

    def knows(self, group: Group, observer: Observer) -> bool:
        """Tell whether it is known how a group stands: it was heard since, or should have been."""
        if self.is_blind:
            return False
        if any(node.last >= observer.resumed for node in group.members):
            return True
        wait = max((traits.takeover(node).latest for node in group.members), default=0)
        return observer.now > observer.resumed + wait
