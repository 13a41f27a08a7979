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
from carpscope.settings.model import Refusal, Where
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


def to_add(member: Member, address: bytes) -> str:
    """Give the words that add a shared address to a member's file."""
    text, number = ip_text(address), member.vhid.number
    profile = member.node.profile
    family = "inet" if len(address) == 4 else "inet6"
    length = 32 if len(address) == 4 else 64
    if any("sense" in why for why in member.node.because):
        return f"an IP alias {text} on the CARP address of vhid {number}"
    if member.is_ucarp:
        return f"--addr={text}"
    if profile.startswith("openbsd"):
        mask = "255.255.255.255" if len(address) == 4 else "128"
        return f"{family} alias {text} {mask}"
    if profile == "netbsd":
        return f"{family} {text} netmask 0xffffffff alias"
    device = member.vhid.device
    if profile in ("freebsd6", "freebsd9"):
        return f'ifconfig_{device}_aliasN="{family} {text}/{length}"'
    return f'ifconfig_{device}_aliasN="{family} {text}/{length} vhid {number}"'
