"""The nodes of a group sign different address sets.

What it means
    The HMAC of an advertisement covers the addresses of the vhid. A node that has one more,
    one less or another one refuses everything the others send, and they refuse it: each of
    them becomes MASTER.

How it is seen
    Every node's HMAC is explained by a search over the addresses supplied and those learned
    from ARP and neighbour discovery. Two nodes that advertise at the same time under the
    same passphrase, over different sets, disagree.

False alarms
    While an address is being added node by node this is a passing state; look at its end.
    OpenBSD leaves IPv6 link-local addresses out and accepts both ways, so beside it only
    the other direction fails.

What to do
    Give every node the same addresses in this vhid, aliases included. Change the backup
    first. Prefix lengths do not matter.

Sources
    carp_hmac_prepare in FreeBSD, OpenBSD, NetBSD and DragonFly ip_carp.c.
"""

from carpscope.core.address import ip_text
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.signed import (
    SignedWatch,
    address_differences,
    command_to_add,
    make,
    people,
    signed_by,
    unsupplied,
)
from carpscope.detect.words import addresses, listed
from carpscope.timeline.signing import Difference, Disagreement


class AddressSets(SignedWatch):
    """Finds nodes of one passphrase with different sets."""

    def concerns(self, disagreement: Disagreement) -> bool:
        """Tell whether only the addresses differ (or both, within one cluster)."""
        if disagreement.ucarp is not None:
            return False
        if disagreement.difference is Difference.BOTH:
            a, b = disagreement.recipe_one, disagreement.recipe_other
            assert a is not None
            assert b is not None
            return bool(a.address_set & b.address_set)
        return disagreement.difference is Difference.ADDRESSES

    def finding(self, found: list[Disagreement]) -> Finding:
        """Name what each node lacks."""
        signed = signed_by(found)
        union = {address for chosen in signed.values() for address in chosen}
        nodes = {node.id: node for node in people(found)}
        vhid = found[0].group.vhid
        parts, commands = [], []
        for node_id, chosen in signed.items():
            parts.append(f"{node_id} signs {addresses(chosen)}")
            for address in sorted(union - set(chosen)):
                command = command_to_add(nodes[node_id], vhid, address)
                commands.append(f"add {ip_text(address)} on {node_id} ({command})")
        remedy = "Give all nodes the same addresses: " + (
            listed(commands) if commands else "in the same order"
        )
        if any(
            recipe.unsupplied for d in found for recipe in (d.recipe_one, d.recipe_other) if recipe
        ):
            remedy += ", or correct the one that is mistyped"
        return make(
            found,
            (RULE.code, RULE.label, RULE.severity),
            f"{listed(parts)}; each refuses the other",
            address_differences(found) + unsupplied(found),
            f"{remedy}.",
        )


RULE = Rule("CS201", "address_set_mismatch", "Address sets differ", Severity.ERROR, AddressSets)
