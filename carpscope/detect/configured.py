"""Findings of configurations: no time and no frames, but files and lines.

A rule of configuration is a function of `DeclaredContext`: what the nodes declare together, what
the simulator proved of each group, and the files. It judges what will be signed and sent,
after each system's own reader has had the text; who does not come up is compared with nobody.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

from carpscope.auth.keyring import MANUAL_WORDS
from carpscope.core.address import ip_text
from carpscope.core.values import dataclass, field
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.words import listed
from carpscope.settings.cluster import Cluster, DeclaredGroup, Member
from carpscope.settings.model import DeclaredNode, Refusal, Where
from carpscope.settings.reach import BlockedPath, cuts
from carpscope.settings.source import NodeFiles


@dataclass(slots=True)
class SettledFinding(Finding):
    """A finding that stands in files."""

    where: tuple[Where, ...] = ()

    @property
    def identity(self) -> str:
        """Return a name that is the same in every run over the same files."""
        parts = (self.code, self.group, *sorted(self.nodes), *map(str, self.where))
        return f"{self.code}-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Proved:
    """What a rule asks of a proof."""

    masters: tuple[str, ...]
    flaps: bool = False
    counterexample: str | None = None
    """`two` or `nobody`: what the shortest bad course ends with."""
    seconds: float = 0.0


@dataclass(frozen=True)
class DeclaredContext:
    """What a rule of configuration may ask."""

    cluster: Cluster
    files: Sequence[NodeFiles]
    proofs: Mapping[int, Proved] = field(default_factory=dict)
    """By the group's place in the list."""
    strict: bool = False

    @cached_property
    def cuts(self) -> list[list[BlockedPath]]:
        """Return what does not arrive, for each group."""
        return [cuts(group) for group in self.cluster.groups]

    def proof(self, group: DeclaredGroup) -> Proved | None:
        """Return what was proved of a group."""
        for number, one in enumerate(self.cluster.groups):
            if one is group:
                return self.proofs.get(number)
        return None

    def group_of(self, node: str, trouble: Refusal) -> DeclaredGroup | None:
        """Return the group in which a refused line is missed."""
        for group in self.cluster.groups:
            if group.number != trouble.vhid:
                continue
            for member in group.members:
                places = (member.vhid.interface, member.vhid.device)
                if member.name == node and trouble.interface in places:
                    return group
        return None


Examine: TypeAlias = Callable[[DeclaredContext], Iterable[SettledFinding]]


def settled(
    code: str,
    label: str,
    severity: Severity,
    group: str,
    nodes: Iterable[str],
    where: Iterable[Where | None],
    summary: str,
    explanation: str,
    remedy: str,
    *,
    confidence: float = 0.99,
) -> SettledFinding:
    """Make a finding that has neither time nor frames."""
    return SettledFinding(
        code,
        label,
        severity,
        confidence,
        group,
        tuple(dict.fromkeys(nodes)),
        0,
        0,
        (),
        0,
        summary,
        explanation,
        remedy,
        where=tuple(dict.fromkeys(one for one in where if one is not None)),
    )


def ips(addresses: Iterable[bytes]) -> str:
    """Give addresses in order, as a sentence does."""
    ordered = sorted(addresses, key=lambda one: (len(one), one))
    return listed(ip_text(one) for one in ordered) or "no address"


def is_weak(key: bytes) -> bool:
    """Tell whether a key is empty or a word of the manuals."""
    word = key.strip().lower()
    return not word.strip(b"\0") or word in MANUAL_WORDS


def said(member: Member) -> str:
    """Give a member's values: `fw1 1/0`."""
    base, skew = member.vhid.advbase, member.advskew
    shown = ["?" if value is None else str(value) for value in (base, skew)]
    return f"{member.name} {shown[0]}/{shown[1]}"


PAGES = {"pfSense": "Firewall > Virtual IPs", "OPNsense": "Interfaces > Virtual IPs > Settings"}
"""Where the web pages of these systems have what is in a vhid; nobody edits their file."""


def page(node: DeclaredNode) -> str:
    """Give where the web pages of a node have its vhids; empty: it has no such pages."""
    return f"on {node.name}, {PAGES[node.gui]}" if node.gui else ""


def to_enter(members: Iterable[Member], places: str) -> str:
    """Say where and how a passphrase is written that means the same to every reader."""
    members = list(members)
    pages = dict.fromkeys(page(one.node) for one in members if one.node.gui)
    files = [one for one in members if not one.node.gui]
    words = ": pass ***" if files and not any(one.is_ucarp for one in files) else ""
    at = f" ({places}; {'; '.join(pages)})" if pages else f" ({places})"
    return f"at most 19 letters and digits on every node{at}{'' if pages else words}."


def to_add(member: Member, address: bytes) -> str:
    """Say where a shared address is added, in the words of that member's system."""
    node, text = member.node, ip_text(address)
    if node.gui == "pfSense":
        return (
            f"{page(node)}: add {text} as an IP Alias whose interface is the CARP address of vhid "
            f"{member.vhid.number}"
        )
    if node.gui:
        return f"{page(node)}: add {text} as an IP Alias with vhid {member.vhid.number}"
    last = next((one.where for one in reversed(member.vhid.held.values())), member.vhid.at)
    return f"add to {last.path}, after line {last.line}: {_words(member, address)}"


def _words(member: Member, address: bytes) -> str:
    text, number = ip_text(address), member.vhid.number
    profile = member.node.profile
    family = "inet" if len(address) == 4 else "inet6"
    length = 32 if len(address) == 4 else 64
    if profile.startswith("openbsd"):
        mask = "255.255.255.255" if len(address) == 4 else "128"
        return f"{family} alias {text} {mask}"
    if profile == "netbsd":
        mask = "netmask 0xffffffff" if len(address) == 4 else f"prefixlen {length}"
        return f"{family} {text} {mask} alias"
    device = member.vhid.device
    if profile in ("freebsd6", "freebsd9", "dragonfly"):
        return f'ifconfig_{device}_aliasN="{family} {text}/{length}"'
    return f'ifconfig_{device}_aliasN="{family} {text}/{length} vhid {number}"'
