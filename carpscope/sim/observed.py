"""The scenario that a capture shows, from its analysis document, as TOML to be edited.

A capture shows who advertised. It does not show a backup that never had to, who
preempts unless somebody did, nor a passphrase: what is guessed says so in a comment.
No passphrase is ever written; nodes that refuse each other get different words.
"""

import re
from collections.abc import Mapping, Sequence

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.protocol.profile import profiles

_DURATION = 60
_UNKNOWN_IMPL = "freebsd13"
_SAME_SECRET = "as observed"  # noqa: S105 - a word that stands for one
_BARE = re.compile(r"^[ -!#-\[\]-~]*$")

Table = Mapping[str, object]


def scenario_toml(analysis: Table, group: str | None, source: str) -> str:
    """Return the scenario of one LAN of a capture.

    `group` chooses among several LANs; without it there must be only one.
    """
    groups = _one_lan(_tables(analysis, "groups"), group)
    preempts = any(event.get("label") == "preemption" for event in _tables(analysis, "events"))
    why = "somebody preempted" if preempts else "nobody was seen to preempt"
    lines = [
        f"# What {shown(source)} shows. A backup that never advertised is not in a capture:",
        "# add it. Passphrases are stood for by words; equal words authenticate each other.",
        f"name = {_quoted('what if')}",
        f"duration = {_DURATION}",
        f"preempt = {str(preempts).lower()}  # {why}",
    ]
    for node, members in _nodes(groups).items():
        lines += ["", "[[nodes]]", *_node_lines(node, members)]
        for item, owner in members:
            lines += ["", "[[nodes.vhids]]", *_vhid_lines(item, owner)]
    for item in groups:
        lines += _deaf_paths(item)
    return "\n".join(lines) + "\n"


def _one_lan(groups: Sequence[Table], chosen: str | None) -> list[Table]:
    if chosen is not None:
        found = [item for item in groups if item.get("id") == chosen]
        if not found:
            known = ", ".join(str(item.get("id")) for item in groups)
            raise CarpscopeError(f"--group {chosen!r}: the capture has {known or 'no group'}")
        return found
    lans = {str(item.get("vlan")) for item in groups}
    if not groups:
        raise CarpscopeError("the capture shows no CARP group")
    if len(lans) > 1:
        known = ", ".join(str(item.get("id")) for item in groups)
        raise CarpscopeError(f"the capture has several LANs: choose one with --group ({known})")
    return list(groups)


def _nodes(groups: Sequence[Table]) -> dict[str, list[tuple[Table, Table]]]:
    """Return every node with its part in each group."""
    found: dict[str, list[tuple[Table, Table]]] = {}
    for item in groups:
        for node in _tables(item, "nodes"):
            name = shown(str(node.get("name") or node.get("id")))
            found.setdefault(name, []).append((node, item))
    if not found:
        raise CarpscopeError("the capture shows no node")
    return found


def _node_lines(name: str, members: list[tuple[Table, Table]]) -> list[str]:
    node = members[0][0]
    identity = node.get("implementation")
    impl, comment = implementation(identity if isinstance(identity, Mapping) else {})
    lines = [f"name = {_quoted(name)}", f"impl = {_quoted(impl)}  # {shown(comment)}"]
    for address in _texts(node, "addresses"):
        key = "ll6" if ":" in address else "ip4"
        if not any(line.startswith(key) for line in lines):
            lines.append(f"{key} = {_quoted(address)}")
    own = node.get("own_mac")
    if isinstance(own, str):
        lines.append(f"mac = {_quoted(own)}")
    return lines


def implementation(identity: Table) -> tuple[str, str]:
    """Return the profile for what an analysis says of a node, and a remark."""
    name = identity.get("profile")
    if not isinstance(name, str) or name not in profiles():
        return _UNKNOWN_IMPL, "could not be told from the capture"
    return name, f"{identity.get('name')} {identity.get('versions') or ''}".strip()


def _vhid_lines(node: Table, group: Table) -> list[str]:
    identity = node.get("implementation")
    impl, _ = implementation(identity if isinstance(identity, Mapping) else {})
    authentication = node.get("authentication")
    signed = authentication if isinstance(authentication, Mapping) else {}
    addresses = _texts(signed, "addresses")
    remark = "signed"
    if not addresses:
        addresses, remark = _texts(group, "announced"), "announced"
    if not addresses:
        addresses, remark = ["192.0.2.100"], "not seen; any will do"
    if impl == "ucarp":
        addresses = [address for address in addresses if ":" not in address][:1] or ["192.0.2.100"]
    advbase, advskew = node.get("advbase"), node.get("advskew")
    return [
        f"vhid = {group.get('vhid')}",
        f"advbase = {advbase if isinstance(advbase, int) else 1}",
        f"advskew = {min(advskew, 254) if isinstance(advskew, int) else 0}",
        f"addresses = [{', '.join(map(_quoted, addresses))}]  # {remark}",
        f"passphrase = {_quoted(_secret(node, signed, group))}",
    ]


def _secret(node: Table, signed: Table, group: Table) -> str:
    number = signed.get("passphrase")
    if signed.get("status") == "verified" and isinstance(number, int):
        return f"number {number}"
    refused = any(
        relation.get("relation") == "rejects"
        and node.get("id") in (relation.get("from"), relation.get("to"))
        for relation in _at_the_end(group)
    )
    return f"of {node.get('id')}"[:19] if refused else _SAME_SECRET


def _deaf_paths(group: Table) -> list[str]:
    names = {
        str(node.get("id")): shown(str(node.get("name") or node.get("id")))
        for node in _tables(group, "nodes")
    }
    lines = []
    for relation in _at_the_end(group):
        source, destination = str(relation.get("from")), str(relation.get("to"))
        if relation.get("relation") != "deaf" or not {source, destination} <= names.keys():
            continue
        lines += [
            "",
            "[[events]]",
            "t = 0",
            'type = "path_down"  # it was not heard there',
            f"src = {_quoted(names[source])}",
            f"dst = {_quoted(names[destination])}",
        ]
    return lines


def _at_the_end(group: Table) -> list[Table]:
    """Return who hears whom at the end: the last entry of every pair."""
    pairs = {(str(one.get("from")), str(one.get("to"))): one for one in _tables(group, "hears")}
    return list(pairs.values())


def _tables(table: Table, key: str) -> list[Table]:
    value = table.get(key)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _texts(table: Table, key: str) -> list[str]:
    value = table.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _quoted(text: str) -> str:
    """Return a TOML string; captured text is hostile."""
    if _BARE.match(text):
        return f'"{text}"'
    return '"' + "".join(f"\\U{ord(sign):08x}" for sign in text) + '"'
