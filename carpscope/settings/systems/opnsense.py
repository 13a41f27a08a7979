"""OPNsense: config.xml as interfaces.inc and the start scripts use it.

A carp vip is one call of ifconfig and, where it has a peer, a last one that names the peer;
an ipalias with a vhid that comes later sets the peer back to the group. Preempting is on
unless it is switched off, after the tunables. Maintenance is on if its word is anywhere.
"""

from carpscope.settings import configxml
from carpscope.settings.model import (
    MAINTENANCE,
    DeclaredNode,
    DeclaredVhid,
    SharedAddress,
    Sync,
    Where,
)
from carpscope.settings.numbers import address, atoi
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.sysctl import take_maintenance
from carpscope.settings.system import System, declare, refuse
from carpscope.settings.xml import Element

SKEW_MAX = 254


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read what OPNsense reads."""
    found = configxml.root_of(files, "opnsense.config.xml")
    if found is None:
        return
    source, root = found
    source.has_secret = True
    node.gui = "OPNsense"
    if not node.profile:
        node.profile = "freebsd14"
        node.because.append("OPNsense, taken for one on FreeBSD 14")
    enabled = configxml.interfaces(node, root, source)
    for vip in root.all("virtualip/vip"):
        mode = vip.value("mode")
        if mode == "carp":
            _carp(node, vip, source)
        elif mode == "ipalias" and vip.value("vhid"):
            _alias(node, vip, source, enabled)
        elif mode == "ipalias":
            configxml.own_alias(node, vip, source, enabled)
    disabled = root.value("hasync/disablepreempt")
    element = root.find("hasync/disablepreempt") or root.find("hasync") or root
    node.preempt = disabled in ("", "0")
    node.preempt_where = Where(source.path, element.line)
    for number, line in enumerate(source.text.split("\n"), 1):
        if MAINTENANCE in line:
            node.demotion += 240
            node.maintenance.append((Where(source.path, number), MAINTENANCE))
            break
    take_maintenance(node, configxml.tunables(root, source))
    if root.value("system/disablefilter") in ("", "0"):
        node.firewall = configxml.GuiFilter(node, root, source)
    _sync(node, root, source)


def _device(node: DeclaredNode, vip: Element) -> str:
    key = vip.value("interface")
    return node.gui_interfaces.get(key, key)


def _carp(node: DeclaredNode, vip: Element, source: Source) -> None:
    where = Where(source.path, vip.line)
    device = _device(node, vip)
    number = atoi(vip.value("vhid"))
    place = Where(source.path, (vip.find("vhid") or vip).line)
    if not 1 <= number <= 255:
        declare(node, number, device, where)
        told = "ifconfig refuses the call: a vhid is a number from 1 to 255"
        refuse(node, place, told, device, number, label="vhid_out_of_range")
        return
    if vip.value("interface") not in node.gui_interfaces:
        told = "its interface is not in the file, so the address is passed over"
        refuse(node, where, told, device, number)
        declare(node, number, device, where)
        return
    vhid = declare(node, number, device, where)
    vhid.advbase = atoi(vip.value("advbase")) or 1
    vhid.advskew = atoi(vip.value("advskew"))
    key = configxml.gui_key(vip, source)
    if key is not None:
        vhid.key = key
    shared = address(vip.value("subnet"))
    line = (vip.find("subnet") or vip).line
    if shared is None:
        refuse(node, Where(source.path, line), "ifconfig refuses the address", device, number)
        return
    if not 0 <= vhid.advskew <= SKEW_MAX or not 1 <= vhid.advbase <= 255:
        told = "ifconfig refuses the call: advskew is 0 to 254 and advbase 1 to 255"
        vhid.dropped.append(SharedAddress(shared, None, where))
        refuse(node, where, told, device, number)
        return
    bits = atoi(vip.value("subnet_bits")) if vip.value("subnet_bits") else None
    vhid.add(SharedAddress(shared, bits, Where(source.path, line)))
    _reset(vhid, where)
    for tag, family in (("peer", "inet"), ("peer6", "inet6")):
        peer = address(vip.value(tag), family)
        if peer is not None:
            vhid.set_peer(peer, Where(source.path, (vip.find(tag) or vip).line))


def _reset(vhid: DeclaredVhid, where: Where) -> None:
    for size in (4, 16):
        vhid.drop_peer(size, where)


def _alias(node: DeclaredNode, vip: Element, source: Source, enabled: dict[str, bool]) -> None:
    where = Where(source.path, vip.line)
    device = _device(node, vip)
    number = atoi(vip.value("vhid"))
    if not 1 <= number <= 255:
        told = "ifconfig refuses the call: a vhid is a number from 1 to 255"
        refuse(node, where, told, device, number, label="vhid_out_of_range")
        return
    vhid = declare(node, number, device, where)
    shared = address(vip.value("subnet"))
    bits = atoi(vip.value("subnet_bits")) if vip.value("subnet_bits") else None
    line = Where(source.path, (vip.find("subnet") or vip).line)
    if shared is None:
        refuse(node, line, "ifconfig refuses the address", device, number)
        return
    if not enabled.get(vip.value("interface"), False):
        vhid.dropped.append(SharedAddress(shared, bits, line))
        told = "its interface is not enabled, so the alias is passed over"
        refuse(node, where, told, device, number)
        return
    vhid.add(SharedAddress(shared, bits, line))
    _reset(vhid, where)


def _sync(node: DeclaredNode, root: Element, source: Source) -> None:
    element = root.find("hasync/synchronizetoip")
    items = [item.strip() for item in root.value("hasync/syncitems").split(",")]
    if element is None or not element.text or "virtualip" not in items:
        return
    vips = [
        (
            atoi(vip.value("vhid")),
            vip.value("interface"),
            atoi(vip.value("advskew")) if vip.value("mode") == "carp" else None,
            Where(source.path, vip.line),
        )
        for vip in root.all("virtualip/vip")
        if vip.value("vhid") and vip.value("nosync") in ("", "0")
    ]
    node.sync = Sync(element.text, Where(source.path, element.line), vips)


SYSTEM = System("OPNsense", ("opnsense.config.xml",), read)
