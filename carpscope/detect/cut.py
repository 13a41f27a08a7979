"""What the detectors of broken links share."""

from collections.abc import Iterator

from carpscope.detect.finding import Finding
from carpscope.detect.rule import Context
from carpscope.timeline.facts import Fact
from carpscope.timeline.links import BrokenLink, Trouble, broken_links


class LinkWatch:
    """Looks at the broken links of every group; the rule says which troubles are its own."""

    troubles: tuple[Trouble, ...] = ()

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups at the end."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: whether nodes sign alike is known at the end."""

    def findings(self, at: int) -> Iterator[Finding]:
        """Give one finding for each pair."""
        del at
        for group in self._context.groups:
            for link in broken_links(group):
                if link.trouble in self.troubles:
                    yield self.finding(link)

    def finding(self, link: BrokenLink) -> Finding:
        """Make the finding of one broken link."""
        raise NotImplementedError


def missed_text(link: BrokenLink) -> str:
    """Say how it is known that the receiver does not accept the sender."""
    times = "once" if link.missed == 1 else f"{link.missed} times"
    return (
        f"{link.receiver.id} ({link.receiver.advbase}/{link.receiver.advskew}) went on or claimed "
        f"{times} although {link.sender.id} ({link.sender.advbase}/{link.sender.advskew}) "
        f"advertised, for which it would have to step down"
    )
