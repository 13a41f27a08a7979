"""What a reader is: which kinds of files it takes, and what it adds to a node.

Readers are the files of `systems/`; the folder is searched. `declare` and `refuse` are what
all of them do with a vhid that they read.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise

from carpscope.core.registry import discover
from carpscope.core.values import dataclass
from carpscope.settings import keys
from carpscope.settings.ifconfig import Call
from carpscope.settings.model import (
    DeclaredKey,
    DeclaredNode,
    DeclaredVhid,
    Own,
    Refusal,
    SharedAddress,
    Where,
)
from carpscope.settings.numbers import prefixed
from carpscope.settings.source import NodeFiles, Source


@dataclass(frozen=True, slots=True)
class System:
    """A reader."""

    name: str
    kinds: tuple[str, ...]
    read: Callable[[NodeFiles, DeclaredNode], None]


@cache
def systems() -> tuple[System, ...]:
    """Return every reader."""
    return tuple(discover("carpscope.settings.systems", "SYSTEM", System))


def declare(node: DeclaredNode, number: int | None, interface: str, where: Where) -> DeclaredVhid:
    """Return the vhid of an interface, made where it is named first."""
    vhid = node.by_place.get((number, interface))
    if vhid is None:
        vhid = node.by_place[number, interface] = DeclaredVhid(
            number, interface, interface, [where]
        )
        node.vhids.append(vhid)
    elif vhid.where[-1] != where:
        vhid.where.append(where)
    return vhid


def declare_device(
    node: DeclaredNode, number: int | None, device: str, where: Where
) -> DeclaredVhid:
    """Return the vhid of a carpN, made when it is first named; a call adds its line."""
    vhid = node.by_device.get(device)
    if vhid is None:
        vhid = node.by_device[device] = declare(node, number, device, where)
    elif vhid.where[-1:] != [where]:
        vhid.where.append(where)
    return vhid


def refuse(
    node: DeclaredNode,
    where: Where,
    told: str,
    interface: str,
    vhid: int | None,
    *,
    label: str = "not_configured",
    repair: str = "",
    all_of_it: bool = False,
) -> None:
    """Note that a line comes to nothing."""
    trouble = Refusal(label, where, told, interface, vhid, repair, all_of_it)
    if trouble not in node.noted:
        node.noted.add(trouble)
        node.troubles.append(trouble)


def call_key(
    call: Call, raw: str, where: Where, source: Source, *, quoted: bool
) -> DeclaredKey | None:
    """Make the key of a call's `pass`, compared with how the line was written."""
    if call.secret is None:
        return None
    source.has_secret = True
    chunk = keys.written_after(raw)
    meant = set() if chunk is None else keys.readings(chunk, in_double_quotes=quoted)
    reference = chunk is not None and keys.is_variable(chunk)
    return keys.made(call.secret.value, meant, where, source.encoding, is_reference=reference)


def take_values(vhid: DeclaredVhid, call: Call, key: DeclaredKey | None, where: Where) -> None:
    """Take over what a call sets; what it does not name stays as it was."""
    if call.advbase is not None:
        vhid.advbase = call.advbase
    if call.advskew is not None:
        vhid.advskew = call.advskew
    if "advbase" in call.unsure:
        vhid.advbase = None
    if "advskew" in call.unsure:
        vhid.advskew = None
    if key is not None:
        vhid.key = key
    if call.is_down is not None:
        vhid.down = where if call.is_down else None


def take_shared(vhid: DeclaredVhid, call: Call, where: Where) -> None:
    """Add, or take away, the address of a call."""
    if "address" in call.unsure:
        vhid.unsure = True
    given = call.given
    if given is None or given.address is None:
        return
    if call.removes:
        vhid.remove(given.address)
    else:
        vhid.add(SharedAddress(given.address, given.length, where))


def take_own(node: DeclaredNode, interface: str, call: Call, where: Where) -> None:
    """Add an address of the interface itself."""
    found = node.interface(interface)
    if call.vlan is not None:
        found.vlan = call.vlan
    given = call.given
    if given is None or given.address is None:
        return
    if not call.removes:
        found.add(Own(given.address, given.length, where))
    else:
        found.held.pop(given.address, None)


def note_unknown(node: DeclaredNode, call: Call, key: DeclaredKey | None, where: Where) -> None:
    """Note what a call takes from somewhere that is not in the files."""
    for what in sorted(call.unsure):
        node.not_known(f"the {what} of a vhid" if what != "address" else "a word", where)
    if key is not None and key.octets is None and not key.varies:
        node.not_known("the passphrase", where)


def drop_shared(vhid: DeclaredVhid, words: Iterable[str], where: Where) -> None:
    """Remember the address that is written in a line and never configured."""
    before = ""
    for word in words:
        found = prefixed(word)
        if found is not None and before not in _OTHER_ADDRESSES:
            vhid.dropped.append(SharedAddress(found[0], found[1], where))
            return
        before = word


_OTHER_ADDRESSES = frozenset(("netmask", "broadcast", "peer", "peer6", "carppeer"))


def find_doubles(node: DeclaredNode) -> None:
    """One vhid on two carps of one interface: carp_ioctl() says EINVAL to the second."""
    seen: dict[tuple[str, int], DeclaredVhid] = {}
    for vhid in node.vhids:
        if vhid.number is None or not vhid.runs:
            continue
        first = seen.setdefault((vhid.interface, vhid.number), vhid)
        if first is not vhid and first.device != vhid.device:
            vhid.runs = False
            node.doubles.append((first, vhid.at))


def stop_all(node: DeclaredNode) -> None:
    """Nothing of carp(4) starts on a node."""
    for vhid in node.vhids:
        vhid.runs = False


def value_of(words: list[str], name: str) -> str | None:
    """Return the word behind a word, as a person reads a line."""
    for one, two in pairwise(words):
        if one == name:
            return two
    return None


def vhid_of(words: list[str]) -> int | None:
    """Return the number behind `vhid`, as a person reads a line."""
    found = value_of(words, "vhid")
    return int(found) if found is not None and found.isdecimal() and len(found) < 5 else None


def find_parents(node: DeclaredNode, devices: str) -> None:
    """Where no carpdev is named: the first interface whose network has the address."""
    networks: dict[tuple[int, int, int], tuple[int, str]] = {}
    for order, interface in enumerate(node.interfaces.values()):
        for own in interface.own:
            if own.length is not None:
                key = _network(own.address, own.length)
                networks.setdefault(key, (order, interface.name))
    lengths = {(size, length) for size, length, _ in networks}
    for vhid in node.vhids:
        if vhid.interface != vhid.device or not re.fullmatch(devices, vhid.device):
            continue
        keys = {
            _network(one.address, length)
            for one in (*vhid.addresses, *vhid.dropped)
            for size, length in lengths
            if size == len(one.address)
        }
        found = [networks[key] for key in keys if key in networks]
        if found:
            vhid.interface = min(found)[1]


def _network(address: bytes, length: int) -> tuple[int, int, int]:
    size = len(address)
    return size, length, int.from_bytes(address, "big") >> 8 * size - length
