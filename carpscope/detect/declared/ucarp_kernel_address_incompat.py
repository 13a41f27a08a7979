"""ucarp signs one IPv4 address, kernels all that a vhid has."""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, ips, settled
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed
from carpscope.settings.cluster import DeclaredGroup, Member

LABEL = "ucarp_kernel_address_incompat"


def _too_many(member: Member) -> bool:
    signs = member.signs
    return not member.is_ucarp and (len(signs) > 1 or any(len(one) == 16 for one in signs))


def is_incompatible(group: DeclaredGroup) -> bool:
    """Tell whether a ucarp is beside a kernel that signs what it never can."""
    return any(one.is_ucarp for one in group.up) and any(map(_too_many, group.up))


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Look for both in one group."""
    for group in settings.cluster.groups:
        if not is_incompatible(group):
            continue
        kernels = [one for one in group.up if _too_many(one)]
        processes = [one for one in group.up if one.is_ucarp]
        kernel, process = (
            listed(dict.fromkeys(one.name for one in some)) for some in (kernels, processes)
        )
        yield settled(
            code,
            LABEL,
            Severity.ERROR,
            group.id,
            [one.name for one in (*kernels, *processes)],
            [one.vhid.at for one in (*kernels, *processes)],
            f"{group.id}: ucarp on {process} can never sign what {kernel} signs",
            f"{kernel} signs {ips(kernels[0].signs)}; ucarp signs exactly one IPv4 address. "
            "Their HMACs never agree.",
            "Give each shared address a vhid of its own on every node: "
            f"{listed(str(one.vhid.at) for one in kernels)}.",
        )
