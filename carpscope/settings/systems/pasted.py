"""Output of ifconfig that somebody pasted: what runs, without keys unless `-k` printed them."""

import re

from carpscope.core.values import dataclass, field
from carpscope.settings import keys
from carpscope.settings.model import (
    DeclaredKey,
    DeclaredNode,
    DeclaredVhid,
    Own,
    Peer,
    SharedAddress,
    VrrpId,
    Where,
)
from carpscope.settings.numbers import address, mask_length
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.sysctl import read_sysctls, take_sysctls
from carpscope.settings.system import System, find_parents

_HEAD = re.compile(r"([A-Za-z][\w.:-]*): flags=")
_GROUP = re.compile(r"([a-z]\w*): carp demote count ([0-9]{1,6})")
_CARP = re.compile(r"\s+carp: (.*)")
_STATE = re.compile(r"\s+state (INIT|BACKUP|MASTER) vhid ([0-9]{1,3})(?: advskew ([0-9]{1,3}))?")
_VRRP = re.compile(r"\s+vrrp: \w+ vrid ([0-9]{1,3})\b")
_INET = re.compile(r"\s+(inet6?) (\S+)(.*)")
_VLAN = re.compile(r"\s+(?:vlan: ([0-9]{1,4}) |encap: vnetid ([0-9]{1,4}) parent)")
_KEY = re.compile(r' key "(.*)"')


@dataclass(slots=True)
class _Block:
    name: str
    where: Where
    own: list[tuple[Own, int | None]] = field(default_factory=list)
    carps: list[tuple[int, int | None, int | None, Where, DeclaredKey | None]] = field(
        default_factory=list
    )
    carpdev: str | None = None
    peers: dict[int | None, list[Peer]] = field(default_factory=dict)
    """By the vhid; None: of every vhid."""
    vrrp: list[tuple[int, Where]] = field(default_factory=list)
    vlan: int | None = None
    is_carp: bool = False
    advbase: int | None = None


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read what was pasted."""
    for source in files.of("ifconfig"):
        blocks = _blocks(source, node)
        for block in blocks:
            _take(node, block)
        _system(node, source, blocks)
    if files.of("ifconfig"):
        find_parents(node, "carp[0-9]+")
        for vhid in node.vhids:
            if vhid.key is not None and vhid.key.octets is None:
                node.not_known("the passphrase: ifconfig does not print it", vhid.at)
        if files.of("sysctl.conf"):
            take_sysctls(node, read_sysctls(files), files.of("sysctl.conf"), kernel=True)
        elif node.preempt is None and node.vhids:
            node.not_known("net.inet.carp.preempt: ifconfig does not print it", None)


def _blocks(source: Source, node: DeclaredNode) -> list[_Block]:
    found: list[_Block] = []
    for number, line in enumerate(source.text.split("\n"), 1):
        where = Where(source.path, number)
        group = _GROUP.match(line)
        if group is not None:
            if int(group[2]) > 0:
                node.demotion += int(group[2])
                node.maintenance.append((where, f"carp demote count {group[2]}"))
            continue
        head = _HEAD.match(line)
        if head is not None:
            found.append(_Block(head[1], where))
        elif found and line[:1] in " \t":
            _indented(found[-1], line, where, source)
    return found


def _indented(block: _Block, line: str, where: Where, source: Source) -> None:
    inet = _INET.match(line)
    if inet is not None:
        packed = address(inet[2].partition("%")[0].partition("/")[0])
        if packed is None:
            return
        length: int | None = None
        mask = re.search(r"netmask (\S+)", inet[3])
        bits = re.search(r"prefixlen ([0-9]{1,3})", inet[3])
        slash = inet[2].partition("/")[2]
        if mask is not None:
            length = mask_length(mask[1])
        elif bits is not None:
            length = int(bits[1])
        elif slash.isdecimal() and len(slash) < 4:
            length = int(slash)
        vhid = re.search(r"\bvhid ([0-9]{1,3})", inet[3])
        block.own.append((Own(packed, length, where), int(vhid[1]) if vhid else None))
        return
    carp = _CARP.match(line)
    if carp is not None:
        _carp(block, carp[1], where, source)
        return
    state = _STATE.match(line)
    if state is not None:
        skew = int(state[3]) if state[3] else None
        block.carps.append((int(state[2]), block.advbase, skew, where, _unknown(where)))
        block.is_carp = True
        return
    if block.carps and re.match(r"\s+peer6? ", line):
        _peers(block, block.carps[-1][0], line, where)
    vrrp = _VRRP.match(line)
    if vrrp is not None:
        block.vrrp.append((int(vrrp[1]), where))
    vlan = _VLAN.match(line)
    if vlan is not None:
        block.vlan = int(vlan[1] or vlan[2])


def _peers(block: _Block, number: int | None, text: str, where: Where) -> None:
    """Take the peers of a line."""
    for name in re.findall(r"\b(?:carp)?peer6? (\S+)", text):
        packed = address(name)
        if packed is not None:
            block.peers.setdefault(number, []).append(Peer(packed, where))


def _carp(block: _Block, text: str, where: Where, source: Source) -> None:
    def number(name: str) -> int | None:
        match = re.search(rf"\b{name} ([0-9]{{1,3}})", text)
        return None if match is None else int(match[1])

    device = re.search(r"\bcarpdev (\S+)", text)
    if device is not None:
        block.carpdev = device[1]
        block.is_carp = True
    _peers(block, None, text.partition(' key "')[0], where)
    block.advbase = number("advbase")
    vhid = number("vhid")
    if vhid is None:
        return
    match = _KEY.search(text)
    key = _unknown(where)
    if match is not None:
        source.has_secret = True
        key = keys.made(match[1], set(), where, source.encoding)
    block.carps.append((vhid, block.advbase, number("advskew"), where, key))


def _unknown(where: Where) -> DeclaredKey:
    return DeclaredKey(None, where)


def _take(node: DeclaredNode, block: _Block) -> None:
    if re.fullmatch(r"carp[0-9]+", block.name):
        block.is_carp = True
    if not block.is_carp:
        interface = node.interface(block.name)
        interface.vlan = block.vlan
        for own, vhid_of in block.own:
            if vhid_of is None:
                interface.add(own)
    elif block.carpdev is not None:
        node.interface(block.carpdev)
    for number, advbase, advskew, where, key in block.carps:
        vhid = DeclaredVhid(
            number,
            block.carpdev or block.name,
            block.name,
            [where],
            1 if advbase is None else advbase,
            0 if advskew is None else advskew,
            key,
        )
        for peer in (*block.peers.get(None, ()), *block.peers.get(number, ())):
            vhid.set_peer(*peer)
        for own, of in block.own:
            if own.address[0] == 0xFE and len(own.address) == 16:
                continue  # the interface's own link-local address
            if of == number or (block.is_carp and of is None):
                vhid.add(SharedAddress(own.address, own.length, own.where))
        node.vhids.append(vhid)
    for number, where in block.vrrp:
        own_of = [own for own, of in block.own if of == number]
        shared = tuple(SharedAddress(own.address, own.length, own.where) for own in own_of)
        node.vrrp.append(VrrpId(number, block.name, where, shared))


def _system(node: DeclaredNode, source: Source, blocks: list[_Block]) -> None:
    if node.profile or not any(block.carps for block in blocks):
        return
    text = source.text
    if not any(block.is_carp for block in blocks):
        newer = re.search(r"^\s+peer \S+ peer6 ", text, re.MULTILINE) is not None
        node.profile = "freebsd14" if newer else "freebsd13"
        node.because.append("ifconfig prints vhids of interfaces" + (" and peers" if newer else ""))
    elif re.search(r"^\s+(lladdr|index [0-9]+ priority)", text, re.MULTILINE):
        node.profile = "openbsd2025"
        node.because.append("ifconfig prints lladdr; taken for a release since May 2025")
    elif re.search(r"^\s+(address: |ec_capabilities|ec_enabled)", text, re.MULTILINE):
        node.profile = "netbsd"
        node.because.append("ifconfig prints `address:`")
    elif any(block.carpdev for block in blocks):
        node.profile = "openbsd2025"
        node.because.append("ifconfig prints carpdev; taken for OpenBSD")
    else:
        node.profile = "freebsd9"
        node.because.append("ifconfig prints carpN without carpdev")


SYSTEM = System("ifconfig", ("ifconfig",), read)
