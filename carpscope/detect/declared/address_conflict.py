"""A shared address is some node's own address."""

from collections.abc import Iterator

from carpscope.core.address import ip_text
from carpscope.detect.configured import DeclaredContext, SettledFinding, settled
from carpscope.detect.finding import Severity
from carpscope.settings.model import Where

LABEL = "address_conflict"


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Compare shared addresses with the own ones on the same segment."""
    for group in settings.cluster.groups:
        own: dict[bytes, tuple[str, str, Where]] = {}
        for name, interface in group.segment.ports:
            for one in settings.cluster.node(name).interface(interface).own:
                own.setdefault(one.address, (name, interface, one.where))
        told: set[bytes] = set()
        for member in group.up:
            for shared in member.vhid.addresses:
                found = own.get(shared.address)
                if found is None or shared.address in told:
                    continue
                told.add(shared.address)
                name, interface, where = found
                text = ip_text(shared.address)
                yield settled(
                    code,
                    LABEL,
                    Severity.ERROR,
                    group.id,
                    [name, *(one.name for one in group.up)],
                    [where, shared.where],
                    f"{text} is shared as vhid {group.number} and the own address of {name}",
                    f"{interface} of {name} has {text} itself, so two answer for the address while "
                    "another node is MASTER.",
                    f"Write another own address in {where}, or another shared one in "
                    f"{shared.where} and on every other node.",
                )
