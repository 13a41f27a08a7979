"""keepalived: the ids of its VRRP instances, their interfaces and addresses; nothing else."""

import re

from carpscope.settings.model import DeclaredNode, SharedAddress, VrrpId, Where
from carpscope.settings.numbers import prefixed
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.system import System


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read every instance."""
    for source in files.of("keepalived.conf"):
        _read(source, node)


def _read(source: Source, node: DeclaredNode) -> None:
    depth = 0
    instance: dict[str, tuple[str, int]] | None = None
    addresses: list[SharedAddress] = []
    inner = ""
    for number, line in enumerate(source.text.split("\n"), 1):
        words = re.split(r"[ \t\r]+", re.split(r"[!#]", line, maxsplit=1)[0].strip())
        if words[0] == "auth_pass":
            source.has_secret = True
        if words[0] == "vrrp_instance" and depth == 0:
            instance, addresses = {}, []
        elif depth == 1 and words[0] in ("interface", "virtual_router_id") and len(words) > 1:
            if instance is not None:
                instance[words[0]] = (words[1], number)
        elif depth == 1 and words[0].startswith("virtual_ipaddress"):
            inner = "addresses"
        elif depth == 2 and inner == "addresses":
            found = prefixed(words[0])
            if found is not None:
                addresses.append(SharedAddress(found[0], found[1], Where(source.path, number)))
        depth += line.count("{") - line.count("}")
        depth = max(0, depth)
        if depth < 2 and "}" in line:
            inner = ""
        if depth == 0 and instance:
            text, at = instance.get("virtual_router_id", ("", number))
            device = instance.get("interface", ("", 0))[0]
            if text.isdecimal() and len(text) < 4 and device:
                node.interface(device)
                where = Where(source.path, at)
                node.vrrp.append(VrrpId(int(text), device, where, tuple(addresses)))
            instance = None


SYSTEM = System("keepalived", ("keepalived.conf",), read)
