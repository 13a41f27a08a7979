"""Runs every rule of configuration over what nodes declare, and names causes.

Rules of files are those of `detect/rules` that examine; labels of the wire have the same code
there and their examination in `detect/declared`. What the simulator proved becomes a finding
only where another one explains it.
"""

from collections.abc import Iterator
from functools import cache
from types import ModuleType

from carpscope.core.registry import modules
from carpscope.core.units import nanos, span_text
from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.engine import in_order, rules
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.words import listed
from carpscope.settings.cluster import DeclaredGroup

CAUSES = (
    "vhid_conflict",
    "ucarp_kernel_address_incompat",
    "address_set_mismatch",
    "passphrase_mismatch",
    "passphrase_rewritten",
    "peer_mismatch",
    "carp_blocked_by_firewall",
    "split_group",
    "advbase_mismatch",
    "equal_skew_tie",
    "maintenance_left_on",
    "preempt_differs",
    "sync_conflict",
    "netmask_wrong",
    "address_conflict",
    "not_configured",
)
"""What can explain that a group has two MASTERs, none, or the wrong one; likeliest first."""
_EXPLAINED = {
    "passphrase_mismatch": ("passphrase_rewritten",),
    "address_set_mismatch": ("not_configured", "netmask_wrong"),
    "no_backup": ("not_configured", "vhid_out_of_range"),
}


@cache
def _declared() -> tuple[ModuleType, ...]:
    return tuple(modules("carpscope.detect.declared"))


def code_of(label: str) -> str:
    """Return the code that a label has in the catalogue."""
    return next(rule.code for rule in rules() if rule.label == label)


def findings(settings: DeclaredContext) -> list[SettledFinding]:
    """Return everything that is wrong, causes named, in the order to show it."""
    found: list[SettledFinding] = []
    for rule in rules():
        if rule.examine is not None:
            found += rule.examine(settings)
    for module in _declared():
        found += module.examine(settings, code_of(module.LABEL))
    _link(found)
    found += _proved(settings, found)
    ordered: list[Finding] = in_order(found)
    return [one for one in ordered if isinstance(one, SettledFinding)]


def _link(found: list[SettledFinding]) -> None:
    for finding in found:
        for label in _EXPLAINED.get(finding.label, ()):
            finding.caused_by += [
                other.identity
                for other in found
                if other.label == label and other.group == finding.group and other.group
            ]


def _causes(group: DeclaredGroup, found: list[SettledFinding]) -> list[str]:
    """Return what explains a proof: findings of the group, else of its nodes."""
    names = {one.name for one in group.members}
    for label in CAUSES:
        hits = [
            one.identity
            for one in found
            if one.label == label
            and (one.group == group.id or (not one.group and names & set(one.nodes)))
        ]
        if hits:
            return hits
    return []


def _proved(settings: DeclaredContext, found: list[SettledFinding]) -> Iterator[SettledFinding]:
    for group in settings.cluster.groups:
        proof = settings.proof(group)
        causes = _causes(group, found)
        if proof is None or not causes:
            continue
        where = [one.vhid.at for one in group.up]
        names = [one.name for one in group.up]
        told: tuple[str, Severity, list[str], str, str] | None = None
        counter = proof.counterexample
        if len(proof.masters) > 1:
            told = (
                "split_brain",
                Severity.CRITICAL,
                list(proof.masters),
                f"{listed(proof.masters)} will both be MASTER",
                "All nodes were started together in the simulator.",
            )
        elif proof.flaps:
            told = (
                "flapping",
                Severity.ERROR,
                names,
                "the MASTER changes again and again",
                "All nodes were started together in the simulator.",
            )
        elif counter in ("two", "nobody"):
            span = span_text(nanos(proof.seconds))
            two = counter == "two"
            told = (
                "split_brain" if two else "master_gap",
                Severity.CRITICAL if two else Severity.ERROR,
                names,
                f"{'two nodes are' if two else 'nobody is'} MASTER for {span} after a few events",
                "The search found a course of events after which it stays so.",
            )
        elif _is_unexpected(group, proof.masters):
            told = (
                "unexpected_master",
                Severity.WARNING,
                list(proof.masters),
                f"{listed(proof.masters)} becomes MASTER, not the node with the lowest advskew",
                "All nodes were started together in the simulator.",
            )
        if told is None:
            continue
        label, severity, nodes, summary, explanation = told
        one = settled(
            code_of(label),
            label,
            severity,
            group.id,
            nodes,
            where,
            f"{group.id}: {summary}",
            explanation,
            "Mend what it is caused by.",
        )
        one.caused_by = causes
        yield one


def _is_unexpected(group: DeclaredGroup, masters: tuple[str, ...]) -> bool:
    """Tell whether another node than the one with the lowest written skew is MASTER."""
    known = [one for one in group.up if one.vhid.advskew is not None]
    if len(masters) != 1 or len(known) < 2 or len(known) != len(group.up):
        return False
    lowest = min(one.vhid.advskew for one in known if one.vhid.advskew is not None)
    best = [one.name for one in known if one.vhid.advskew == lowest]
    return len(best) == 1 and masters[0] != best[0]
