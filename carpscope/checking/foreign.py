"""Ids that a capture of the segment shows and no file declares: somebody else uses them."""

from carpscope.capture.source import open_capture
from carpscope.core.address import inside, ip_text
from carpscope.detect.configured import SettledFinding, settled
from carpscope.detect.configured_engine import code_of
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed
from carpscope.settings.cluster import Cluster, DeclaredGroup
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import decode
from carpscope.wire.vrrp import VrrpView

Seen = dict[tuple[bool, int], dict[bytes, None]]
SOURCES_MAX = 64
"""Of one id: a source costs an attacker nothing."""


def foreign(cluster: Cluster, path: str) -> list[SettledFinding]:
    """Read a capture; tell each id of a declared group that others use as well."""
    seen = _seen(path)
    own = {
        one.address
        for node in cluster.nodes
        for interface in node.interfaces.values()
        for one in interface.own
    }
    own |= {address for group in cluster.groups for one in group.members for address in one.signs}
    found = []
    by_id = {group.id: group for group in reversed(cluster.groups)}
    for group in by_id.values():
        for is_vrrp in (False, True):
            sources = [one for one in seen.get((is_vrrp, group.number), {}) if one not in own]
            near = [one for one in sources if _is_near(group, cluster, one)]
            if near:
                found.append(_finding(group, near, path, is_vrrp=is_vrrp))
    return found


def _is_near(group: DeclaredGroup, cluster: Cluster, source: bytes) -> bool:
    """Tell whether a source may be on the group's segment: where its network is known, by that."""
    networks = [
        (one.address, one.length)
        for name, interface in group.segment.ports
        for one in cluster.node(name).interface(interface).own
        if one.length is not None and len(one.address) == len(source)
    ]
    return not networks or any(inside(a, length, source) for a, length in networks)


def _finding(
    group: DeclaredGroup, sources: list[bytes], path: str, *, is_vrrp: bool
) -> SettledFinding:
    label = "vrrp_vrid_conflict" if is_vrrp else "vhid_conflict"
    names = listed(ip_text(one) for one in sources[:8])
    what = "VRRP with the same number" if is_vrrp else "the same vhid"
    return settled(
        code_of(label),
        label,
        Severity.ERROR,
        group.id,
        [one.name for one in group.up],
        [one.vhid.at for one in group.up],
        f"{group.id}: {names} on the wire use{'s' if len(sources) == 1 else ''} {what}",
        f"{path} holds advertisements of them, and no file declares them. Both make one virtual "
        "MAC of the number.",
        f"Write another vhid: {listed(str(one.vhid.at) for one in group.up)}.",
    )


def _seen(path: str) -> Seen:
    found: Seen = {}
    with open_capture(path, 0) as capture:
        for frame in capture:
            packet = decode(frame)
            body = packet.body
            if isinstance(body, AdvertView):
                key = (False, body.vhid)
            elif isinstance(body, VrrpView):
                key = (True, body.vrid)
            else:
                continue
            sources = found.setdefault(key, {})
            if packet.ip is not None and len(sources) < SOURCES_MAX:
                sources[packet.ip.source] = None
    return found
