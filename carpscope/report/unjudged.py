"""What is said where nothing could be judged: what was there, and what could not be read."""

from collections.abc import Iterator

from carpscope.core.recommended import BETTER, instead
from carpscope.pipeline import Analysis


def sentences(analysis: Analysis) -> Iterator[str]:
    """Say that there is no CARP, what there is instead, and what may have kept it away."""
    observer = analysis.observer
    if observer.advertisements:
        yield (
            "No packet has a time of its own: nothing could be judged. Print them with times: "
            "tcpdump -tttt -xx, or tshark -T json -x."
        )
        return
    yield "No CARP advertisement in here: nothing could be judged."
    if observer.vrrp:
        yield f"Advertisements: {instead(observer.vrrp)}. carpscope dissect shows them."
    if observer.faulty:
        packets = "1 packet" if observer.faulty == 1 else f"{observer.faulty:,} packets"
        yield (f"{packets} of protocol 112 could not be read: carpscope dissect -V shows why.")
    if not observer.vrrp and not observer.faulty:
        yield (
            "Was it captured on the right interface? Without a MASTER there is nothing to "
            f"hear, and a switch with IGMP snooping may keep it away. If not: {BETTER}."
        )


def unjudged(analysis: Analysis) -> str:
    """Give the same as one line."""
    return " ".join(sentences(analysis))
