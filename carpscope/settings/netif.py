"""What rc makes of the variables of an interface: pieces of calls, ranges of addresses, VLANs.

Source: FreeBSD libexec/rc/network.subr, ifalias_af_common_handler(), ifalias_expand_addr().
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from carpscope.settings.model import Where
from carpscope.settings.numbers import is_known
from carpscope.settings.shell import Script, Variable, Word
from carpscope.settings.source import NodeFiles, Source

_RANGE_MAX = 2048
"""netif_ipexpand_max."""
_YES = frozenset(("yes", "true", "on", "1"))
"""checkyesno."""


class RcCall(NamedTuple):
    """One call that rc makes: its words, where they stand, and the raw text around them."""

    words: list[Word]
    where: Where
    raw: str
    quoted: bool
    source: Source


def vlans(
    variables: dict[str, Variable], found: Iterable[str]
) -> dict[str, tuple[str, int | None]]:
    """Return what variables' names stand for, and the VLAN numbers."""
    known: dict[str, tuple[str, int | None]] = {}
    for variable, item in variables.items():
        if variable.startswith("vlans_"):
            parent = variable.removeprefix("vlans_")
            for child in item.value.split():
                if child.isdecimal() and len(child) < 5:
                    known[f"{parent}_{child}"] = (f"{parent}.{child}", int(child))
        elif variable.startswith("create_args_"):
            name = variable.removeprefix("create_args_")
            match = re.search(r"(?:^|\s)vlan\s+([0-9]{1,4})(?:\s|$)", item.value)
            if match is not None:
                known[name] = (name, int(match[1]))
    for name in found:
        child_of = re.fullmatch(r"([a-z]+[0-9]+)_([0-9]{1,4})", name)
        if child_of is not None and name not in known:
            known[name] = (f"{child_of[1]}.{child_of[2]}", int(child_of[2]))
    return known


def plain(words: list[str], where: Where) -> list[Word]:
    return [Word(word, word, where.line) for word in words]


def unquoted(raw: str) -> str:
    """Take the quotes of a whole assignment away."""
    if len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "\"'":
        return raw[1:-1]
    return raw


def expanded(family: str, words: list[str]) -> list[str] | str:
    """Expand a range of addresses, or tell why nothing comes of the alias.

    ifalias_af_common_handler() looks for a hex digit and a hyphen in all words, but
    ifalias_expand_addr() expands the first one only; what is left with a hyphen is given
    back to the handler for ever.
    """
    first, rest = words[0], " ".join(words[1:])
    if "--" in first or "--" in rest:
        return "rc takes `--` for a wrong range of addresses and drops the alias without a word"
    endless = (
        "rc takes a hex digit with a hyphen behind it for a range of addresses, expands it into "
        "itself without end and never calls ifconfig"
    )
    if re.search(r"[0-9a-fA-F]-", rest):
        return endless
    bare, slash, length = first.partition("/")
    if family == "inet":
        return _expanded_inet(bare, length if slash else "32", endless)
    head, _, tail = bare.rpartition(":")
    low, hyphen, high = tail.partition("-")
    pattern = r"[0-9a-fA-F]{1,4}"
    if not hyphen or not re.fullmatch(pattern, low) or not re.fullmatch(pattern, high):
        return endless
    count = range(int(low, 16), min(int(high, 16), int(low, 16) + _RANGE_MAX) + 1)
    return [f"{head}:{number:04x}/{length if slash else 64}" for number in count]


def _expanded_inet(bare: str, length: str, endless: str) -> list[str] | str:
    octets = bare.split(".")
    ranges = [n for n, octet in enumerate(octets) if re.fullmatch(r"[0-9]{1,3}-[0-9]{1,3}", octet)]
    if len(ranges) != 1:
        return endless
    low, _, high = octets[ranges[0]].partition("-")
    found: list[str] = []
    for number in range(int(low), int(high) + 1):
        octets[ranges[0]] = str(number)
        found.append(f"{'.'.join(octets)}/{length if not found else 32}")
    return found


def missing_module(files: NodeFiles, script: Script, *, old: bool) -> Where | None:
    """Return where carp(4) would have to be loaded and is not; without a loader.conf: None."""
    loaders = files.of("freebsd.loader.conf")
    loader = Script()
    for source in loaders:
        loader.read(source.text, source.path)
    name = "if_carp" if old else "carp"
    listed = script.value("kld_list")
    names = {item.rpartition("/")[2].removesuffix(".ko") for item in listed.split()}
    loads = loader.value(f"{name}_load").lower() in _YES
    if not loaders or loads or name in names or not is_known(listed):
        return None
    return Where(loaders[0].path, 1)
