"""The commands that change what a node signs, as its implementation takes them.

Sources: ifconfig(8) of FreeBSD 10 and later (addresses of the interface carry the vhid), of
FreeBSD 9, NetBSD, OpenBSD and DragonFly (a carp interface has the addresses), ucarp(8).
Nobody sees from outside what interfaces are called: IF stands for the LAN's, carpN for the
vhid's.
"""

from collections.abc import Iterable

from carpscope.core.address import ip_text
from carpscope.detect.words import listed
from carpscope.timeline.identify import identify
from carpscope.timeline.node import Node
from carpscope.timeline.traits import is_ucarp


def to_add(node: Node, vhid: int, address: bytes) -> str:
    """Give the command that adds a shared address."""
    family, text = _of(address)
    if is_ucarp(node):
        return f"start ucarp with --addr={ip_text(address)}"
    if _on_interface(node):
        return f"ifconfig IF {family} vhid {vhid} {text} alias"
    return f"ifconfig carpN {family} {text} alias"


def to_remove(node: Node, address: bytes) -> str:
    """Give the command that takes a shared address away."""
    family, _ = _of(address)
    if is_ucarp(node):  # an address of its interface, which its script set
        return f"ip address delete {ip_text(address)}/PREFIX dev IF"
    where = "IF" if _on_interface(node) else "carpN"
    return f"ifconfig {where} {family} {ip_text(address)} delete"


def to_move(node: Node, address: bytes) -> str:
    """Give the commands that put an address into a vhid of its own, N."""
    family, text = _of(address)
    away = to_remove(node, address)
    if _on_interface(node):
        return f"{away} && ifconfig IF vhid N pass 'PASSPHRASE' {family} {text} alias"
    return f"{away}, then a second carp interface with vhid N and {text}"


def to_set_passphrase(node: Node, vhid: int) -> str:
    """Give the command that sets the passphrase, which itself is left out."""
    if is_ucarp(node):
        return "ucarp --passfile=FILE, made by: printf '%s' 'PASSPHRASE' > FILE"
    if _on_interface(node):
        return f"ifconfig IF vhid {vhid} pass 'PASSPHRASE'"
    return "ifconfig carpN pass 'PASSPHRASE'"


def to_look(nodes: Iterable[Node]) -> str:
    """Give where these nodes say what they are doing."""
    names = [identify(node).name or "" for node in nodes]
    looks = []
    if any(name != "ucarp" for name in names):
        looks.append("that none is stuck in INIT or BACKUP (ifconfig)")
    if any(name in ("freebsd", "") for name in names):
        looks.append("on FreeBSD that none is demoted (sysctl net.inet.carp.demotion)")
    if "openbsd" in names:
        looks.append("on OpenBSD that none is demoted (ifconfig -g carp)")
    if "ucarp" in names:
        looks.append("that the process of ucarp runs, and what it logs")
    return f"Check that the nodes are up, {listed(looks)}."


def _on_interface(node: Node) -> bool:
    """Tell FreeBSD 10 and later, where the LAN's interface has the addresses."""
    identity = identify(node)
    return identity.name == "freebsd" and not (identity.versions or "").startswith("5-")


def _of(address: bytes) -> tuple[str, str]:
    if len(address) == 4:
        return "inet", f"{ip_text(address)}/32"
    return "inet6", f"{ip_text(address)}/{64 if address[0] == 0xFE else 128}"
