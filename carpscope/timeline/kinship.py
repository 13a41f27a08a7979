"""Whether two nodes that use one vhid belong together at all.

Two clusters may use one vhid on one segment by mistake. Then the nodes' own addresses lie
in different networks, and so do the addresses they announce and sign; nodes of one group
share at least one of these.
"""

from carpscope.timeline.node import Node


def unrelated(one: Node, other: Node) -> bool:
    """Tell whether nothing connects two nodes but the vhid.

    Both must have shown which addresses they hold: by announcing them or by an explained
    HMAC. Networks are compared as /24 and /64, since masks are not on the wire.
    """
    mine, theirs = _held(one), _held(other)
    if not mine or not theirs or mine & theirs:
        return False
    if _networks(mine) & _networks(theirs):
        return False
    own, others = _networks(one.addresses), _networks(other.addresses)
    return bool(own) and bool(others) and not own & others


def _held(node: Node) -> set[bytes]:
    held = set(node.announced)
    for span in node.authentication.spans:
        if span.recipe is not None:
            held |= set(span.recipe.addresses)
    return {address for address in held if len(address) == 4 or address[0] != 0xFE}


def _networks(addresses: "set[bytes] | list[bytes]") -> set[bytes]:
    found = set()
    for address in addresses:
        if len(address) == 4 and any(address):
            found.add(address[:3])
        elif len(address) == 16 and address[0] != 0xFE:
            found.add(address[:8])
    return found
