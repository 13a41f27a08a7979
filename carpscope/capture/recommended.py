"""The one filter to give tcpdump: advertisements and what elections leave beside them.

Help, commands that are started, advice, README and docs/capturing.md have the same words (a test
compares). VLAN comes last, since it shifts what follows it; ICMPv6 is neighbour discovery.
"""

_WANTED = "proto 112 or arp or icmp6"
RECOMMENDED = f"{_WANTED} or (vlan and ({_WANTED}))"
