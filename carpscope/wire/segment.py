"""What tells one segment from another: VLAN numbers, and the networks of tunnels around them.

Two tenants may use one vhid in two networks of VXLAN, and two sessions of ERSPAN may mirror two
places. Such a network is one number beside the VLAN numbers, above all of them:

    kind of tunnel, from 1 | identifier 32 bits
"""

KINDS = ("gre", "erspan 2", "erspan 3", "vxlan", "geneve", "802.1ah", "lisp")
"""Tunnels whose identifier names a network."""
VLAN_MAX = 4095
_SHIFT = 32


def network(kind: str, identifier: int) -> int:
    """Return the number of a tunnel's network."""
    return KINDS.index(kind) + 1 << _SHIFT | identifier


def part(number: int) -> str:
    """Name one number of a segment: `vlan10`, `vxlan100`, `erspan5`."""
    if number <= VLAN_MAX:
        return f"vlan{number}"
    kind = KINDS[(number >> _SHIFT) - 1].partition(" ")[0]
    return f"{kind}{number & (1 << _SHIFT) - 1}"


def vlans(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the VLAN numbers among those of a segment."""
    return tuple(number for number in numbers if number <= VLAN_MAX)


def networks(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the networks of tunnels among those of a segment."""
    return tuple(number for number in numbers if number > VLAN_MAX)
