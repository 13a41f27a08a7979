"""Expected against observed: what a receiver tests in an advertisement, and what it got.

And for each kind of finding what should have been instead, in one sentence with numbers.
"""

from collections.abc import Callable

from carpscope.auth.verify import Verdict
from carpscope.core.address import GROUP4, GROUP6, ip_text, is_group, mac_text
from carpscope.core.units import SECOND, seconds_text, span_text
from carpscope.core.values import dataclass
from carpscope.detect.finding import Finding
from carpscope.protocol import timers
from carpscope.report.line import expected_checksum
from carpscope.timeline import traits
from carpscope.timeline.group import Group
from carpscope.timeline.node import Node
from carpscope.wire.carp import AdvertView, interval_ns
from carpscope.wire.decode import Packet

_GROUP_MACS = {4: bytes.fromhex("01005e000012"), 6: bytes.fromhex("333300000012")}


@dataclass(frozen=True, slots=True)
class ReceiverTest:
    """One test of a receiver."""

    what: str
    expected: str
    observed: str
    ok: bool | None
    """None where it cannot be told."""

    @property
    def word(self) -> str:
        """Return the outcome in a word."""
        return {True: "as expected", False: "NOT as expected", None: "cannot tell"}[self.ok]


def checks(packet: Packet, verdict: Verdict | None) -> list[ReceiverTest]:
    """Return what a receiver looks at, in its order."""
    view, ip, link = packet.advert, packet.ip, packet.link
    if view is None or ip is None:
        return []
    # FreeBSD since 14 takes any from the peer it was given; nobody else does
    in_doubt = ip.ttl != 255 and not is_group(ip.destination)
    found = [
        ReceiverTest(
            "TTL" if ip.version == 4 else "hop limit",
            "255, or any between FreeBSD's unicast peers" if in_doubt else "255",
            str(ip.ttl),
            None if in_doubt else ip.ttl == 255,
        ),
        ReceiverTest("version", "2", str(view.version), view.version == 2),
        ReceiverTest(
            "checksum",
            "36 bytes to sum" if view.is_cut else f"{expected_checksum(packet, view):#06x}",
            f"{view.checksum:#06x}",
            view.checksum_ok,
        ),
    ]
    if link is not None and link.destination is not None:
        wanted = _GROUP_MACS[ip.version]
        to_group = ip.destination in (GROUP4, GROUP6)
        found.append(
            ReceiverTest(
                "destination",
                f"{mac_text(wanted)} for {'224.0.0.18' if ip.version == 4 else 'ff02::12'}",
                f"{mac_text(link.destination)} for {ip_text(ip.destination)}",
                link.destination == wanted if to_group else None,
            )
        )
    found.append(_hmac(view, verdict))
    return found


def _hmac(view: AdvertView, verdict: Verdict | None) -> ReceiverTest:
    observed = view.digest.hex()
    if view.is_cut:
        return ReceiverTest("HMAC", "20 bytes to check", "cut by the capture", None)
    if verdict is None or verdict.status == "unchecked":
        return ReceiverTest("HMAC", "needs the passphrase", observed, None)
    if verdict.recipe is None:
        return ReceiverTest("HMAC", "one that a passphrase supplied explains", observed, ok=False)
    signed = ", ".join(ip_text(a) for a in verdict.recipe.addresses) or "no address"
    number = verdict.recipe.key.number
    key = f"passphrase #{number}" if number else "the empty passphrase"
    return ReceiverTest("HMAC", f"{key} over {signed}", observed, ok=True)


def contrast(finding: Finding, group: Group | None) -> tuple[str, str]:
    """Give what should have been, and what was."""
    nodes = [n for n in group.members if n.id in finding.nodes] if group is not None else []
    expected = _EXPECTED.get(finding.label)
    times = f"{finding.frame_count:,} frames" if finding.frame_count != 1 else "1 frame"
    length = finding.end - finding.start
    observed = f"{finding.summary} ({times}{f', {span_text(length)}' if length else ''})"
    return (expected(nodes) if expected else "None of this."), observed


def _election(nodes: list[Node]) -> str:
    longest = max((interval_ns(n.advbase, n.advskew) for n in nodes), default=0)
    best = min(nodes, key=lambda n: (n.advbase, n.advskew), default=None)
    text = "One node is MASTER at any time"
    if best is not None:
        text += f", here {best.id} ({best.advbase}/{best.advskew})"
    most = seconds_text(timers.election(longest), digits=2)
    return f"{text}; an election overlaps by at most {most}."


def _takeover(nodes: list[Node]) -> str:
    if not nodes:
        return "A backup takes over when its wait is over."
    first, last = timers.widest([traits.takeover(node) for node in nodes])
    return (
        f"A backup takes over {first / SECOND:.2f} to {last / SECOND:.2f} s after the last "
        "advertisement."
    )


_EXPECTED: dict[str, Callable[[list[Node]], str]] = {
    "split_brain": _election,
    "master_gap": _takeover,
    "late_advertisements": lambda _: "Advertisements come at the pace that they announce.",
    "silent_master": lambda _: "A MASTER advertises in every interval.",
    "flapping": lambda _: "A master stays until it fails, leaves or meets a better one.",
    "equal_skew_tie": lambda _: "Every node of a group has an advskew of its own.",
    "address_set_mismatch": lambda _: "All nodes of a group sign the same addresses.",
    "passphrase_mismatch": lambda _: "All nodes of a group sign with one passphrase.",
    "authentication_mismatch": lambda _: "Every node accepts what the others sign.",
    "advbase_mismatch": lambda _: "All nodes of a group use the same advbase.",
    "forged_skew": lambda _: "Fields, counter and HMAC of an advertisement are of one moment.",
    "replayed_advert": lambda _: "A counter and its HMAC appear on the wire once.",
    "weak_passphrase": lambda _: "A passphrase that nobody can look up or guess.",
    "ucarp_kernel_address_incompat": lambda _: (
        "Kernels sign all addresses of a vhid, ucarp one: both work together where there is one."
    ),
    "one_way_link": lambda _: "What one node sends arrives at every other node of the group.",
    "partition": lambda _: "What one node sends arrives at every other node of the group.",
    "looped_advert": lambda _: "A node never hears itself.",
    "bad_ttl": lambda _: "TTL 255: a router would have lowered it, and receivers refuse it then.",
    "bad_checksum": lambda _: "The checksum fits the 36 bytes.",
    "wrong_destination": lambda _: "The destination MAC is that of the destination address.",
    "vrrp_vrid_conflict": lambda _: "No VRRP router on the segment uses the number of a vhid.",
    "vhid_conflict": lambda _: "One vhid on a segment belongs to one group of nodes.",
    "stale_arp": lambda _: "After a change the new master announces the addresses last.",
}


def look_alikes(page: str) -> str:
    """Return what else could look like a finding, of its detector's page."""
    return section(page, "False alarms")


def section(page: str, title: str) -> str:
    """Return a section of a detector's page as one paragraph."""
    lines = page.splitlines()
    found: list[str] = []
    inside = False
    for line in lines:
        if line and not line.startswith(" "):
            inside = line.strip() == title
        elif inside:
            found.append(line.strip())
    return " ".join(" ".join(found).split())
