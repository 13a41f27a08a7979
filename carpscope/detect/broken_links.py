"""What the detectors of broken links share."""

from collections.abc import Iterator

from carpscope.core.address import ip_text
from carpscope.core.units import clock
from carpscope.detect.finding import Finding
from carpscope.detect.rule import Context
from carpscope.detect.words import since, times
from carpscope.protocol.profile import profile
from carpscope.timeline.facts import Fact
from carpscope.timeline.identify import identify
from carpscope.timeline.links import BrokenLink, LinkTrouble, broken_links
from carpscope.timeline.replay import explain_node

Named = tuple[str, str, str, int]
"""A broken link: group, sender, receiver, since when."""
REPLAY_NODES = 4
REPLAY_HISTORY = 4096


class LinkWatch:
    """Looks at the broken links of every group; the rule says which troubles are its own."""

    troubles: tuple[LinkTrouble, ...] = ()

    def __init__(self, context: Context) -> None:
        """Keep the context to see the groups at the end."""
        self._context = context
        self._replays: dict[Named, tuple[int, str]] = {}

    def see(self, fact: Fact) -> None:
        """Take nothing: whether nodes sign alike is known at the end."""

    def findings(self, at: int) -> Iterator[Finding]:
        """Give one finding for each pair."""
        del at
        before, self._replays = self._replays, {}
        for group in self._context.groups:
            for link in broken_links(group):
                if link.trouble in self.troubles:
                    name = (group.id, link.sender.id, link.receiver.id, link.start)
                    self._replays[name] = _replayed(link, before.get(name))
                    finding = self.finding(link)
                    finding.explanation += self._replays[name][1]
                    yield finding

    def finding(self, link: BrokenLink) -> Finding:
        """Make the finding of one broken link."""
        raise NotImplementedError


def _replayed(link: BrokenLink, before: tuple[int, str] | None) -> tuple[int, str]:
    """Replay anew once half as much again is known: a live run asks five times a second."""
    if before is not None and link.count * 2 < before[0] * 3:
        return before
    return link.count, replay_text(link)


def replay_text(link: BrokenLink) -> str:
    """Say what the receiver's own state machine makes of it, where that decides."""
    if len(link.group.members) > REPLAY_NODES or len(link.group.history) > REPLAY_HISTORY:
        return ""
    deaf = hears = agree = 0
    machine = ""
    for one in explain_node(link.group, link.receiver):
        if one.end < link.start or one.start > link.end or link.sender.id in one.hears:
            continue
        hearing = [count for names, count in one.alternatives if link.sender.id in names]
        if hearing and min(hearing) > one.contradict:
            deaf, hears = deaf + one.contradict, hears + min(hearing)
            agree += one.agree
            machine = profile(one.machine).title
    if not machine:
        return ""
    return (
        f" Replayed as {machine}, not hearing {link.sender.id} agrees with {agree} of "
        f"{agree + deaf} of its advertisements; hearing it would contradict {hears}."
    )


def missed_text(link: BrokenLink) -> str:
    """Say how it is known that the receiver does not accept the sender."""
    sender, receiver = link.sender, link.receiver
    return (
        f"{receiver.id} ({receiver.advbase}/{receiver.advskew}) went on or claimed "
        f"{times(link.missed)} although {sender.id} ({sender.advbase}/{sender.advskew}) "
        "advertised, for which it would have to step down"
    )


def when_text(link: BrokenLink) -> str:
    """Say from when to when, and in how many stretches where it did accept it in between."""
    often = f", in {link.stretches} stretches" if link.stretches > 1 else ""
    return since(link.start, link.end) + often


def alike_text(link: BrokenLink) -> str:
    """Say how it is known that both sign alike, or that it is not."""
    if link.is_known_alike:
        return "Both sign alike."
    moments = [
        f"{words} {clock(at, digits=3)} UTC"
        for words, at in (("until", link.alike_before), ("again from", link.alike_after))
        if at is not None
    ]
    return (
        "Without the passphrase the packets do not say whether they signed alike meanwhile; one "
        f"accepted the other {' and '.join(moments)}."
    )


def alike_remedy(link: BrokenLink) -> str:
    """Name the other cause where it is not known that both sign alike."""
    if link.is_known_alike:
        return ""
    return (
        f"If {link.sender.id} or {link.receiver.id} was given another passphrase or address when "
        "it began, give both the same. Else: "
    )


def peer_text(link: BrokenLink) -> str:
    """Say that the sender does not send to the receiver at all, or not as that wants it."""
    sender, receiver = link.sender, link.receiver
    if not sender.peers:
        return ""
    named = " and ".join(map(ip_text, sender.peers))
    if not set(sender.peers) & set(receiver.addresses):
        return f" {sender.id} advertises to {named} and not to the group: nothing is sent there."
    if not receiver.peers and identify(receiver).name == "openbsd":
        return (
            f" {sender.id} advertises to {named} and {receiver.id} to the group: an OpenBSD "
            "takes in only what is sent as it sends itself."
        )
    return ""


def peer_remedy(link: BrokenLink) -> str:
    """Give what to do about that; nothing where it is not so."""
    if not peer_text(link):
        return ""
    way = "carppeer, or neither (-carppeer)"
    if identify(link.sender).name == "freebsd":
        way = "peer, or send to the group again (mcast): a peer is one address"
    return f"Configure {link.sender.id} and {link.receiver.id} alike: give each the other as {way}."
