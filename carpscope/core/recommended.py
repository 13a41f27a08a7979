"""The one filter to give tcpdump: advertisements and what elections leave beside them.

Help, commands that are started, advice, README and docs/capturing.md have the same words (a test
compares). VLAN comes last, since it shifts what follows it; ICMPv6 is neighbour discovery.
"""

_WANTED = "proto 112 or arp or icmp6"
RECOMMENDED = f"{_WANTED} or (vlan and ({_WANTED}))"
BETTER = (
    "mirror the switch ports of the nodes that share the address, in both directions, let the "
    f"mirror carry their VLAN, and give tcpdump '{RECOMMENDED}'"
)
"""What to do where no CARP is heard."""


def instead(vrrp: int) -> str:
    """Say that there is VRRP in the place of CARP, and what a better capture is."""
    return f"{vrrp:,} of VRRP, the other protocol 112, are there instead; for CARP {BETTER}"
