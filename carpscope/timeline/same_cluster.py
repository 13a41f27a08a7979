"""Whether two nodes that use one vhid belong to one cluster.

Two clusters may use one vhid on one segment by mistake. Nodes of one cluster have a key or a
shared address in common; two clusters have neither, or use one key for different addresses in
different networks. Where the key of one node is known, a node that announces other addresses and
does not sign them with that key has another key. Where no key is known, only announced addresses
are compared, and the nodes' own addresses must lie in different networks too.
"""

from collections.abc import Iterable

from carpscope.timeline.authentication import FEW
from carpscope.timeline.node import Node


def unrelated(one: Node, other: Node) -> bool:
    """Return whether two nodes have nothing in common but the vhid.

    Both must have shown which addresses they hold: by announcing them or by an explained
    HMAC. Networks are compared as /24 and /64, since masks are not on the wire.
    """
    mine, theirs = held_by(one), held_by(other)
    if not mine or not theirs or mine & theirs:
        return False
    keys, other_keys = _secrets(one), _secrets(other)
    if keys and other_keys and not keys & other_keys:
        return True
    if (keys and has_another_key(other)) or (other_keys and has_another_key(one)):
        return True
    if not (keys and other_keys) and _networks(mine) & _networks(theirs):
        return False
    own, others = _networks(one.addresses), _networks(other.addresses)
    return bool(own) and bool(others) and not own & others


def clusters(nodes: Iterable[Node]) -> list[list[Node]]:
    """Return the nodes of one vhid as one list for each cluster."""
    found: list[list[Node]] = []
    for node in nodes:
        mine = next((c for c in found if not any(unrelated(node, one) for one in c)), None)
        if mine is None:
            found.append(mine := [])
        mine.append(node)
    return found


def has_another_key(node: Node) -> bool:
    """Return whether no passphrase that was tried signs the addresses a node announces.

    A new master announces all of its addresses at once, so its address set was among those tried.
    """
    track = node.authentication
    tried = track.tried
    return (
        tried is not None
        and not track.has_verified
        and not track.limits
        and track.failed >= FEW
        and set(tried.announced) >= set(node.announced) != set()
    )


def keys_of(node: Node) -> set[str]:
    """Return the labels of the passphrases that a node signed with (`auth.keyring`)."""
    spans = node.authentication.spans
    return {span.recipe.key.label for span in spans if span.recipe is not None}


def _secrets(node: Node) -> set[bytes]:
    return {
        span.recipe.key.secret.rstrip(b"\0")
        for span in node.authentication.spans
        if span.recipe is not None
    }


def held_by(node: Node) -> set[bytes]:
    """Return the shared addresses that a node announced or signed."""
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
