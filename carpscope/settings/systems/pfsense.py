"""pfSense: config.xml as interfaces.inc uses it.

An ipalias belongs to a carp vip if its interface is `_vip` and that vip's uniqid, or, in
older files, `wan_vip1`. Preempting is always on. Maintenance gives every vip advskew 254.
"""

import re

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

MAINTENANCE_SKEW = 254


def read(files: NodeFiles, node: DeclaredNode) -> None:
    """Read what pfSense reads."""
    found = configxml.root_of(files, "pfsense.config.xml")
    if found is None:
        return
    source, root = found
    source.has_secret = True
    node.gui = "pfSense"
    if not node.profile:
        node.profile = "freebsd14"
        node.because.append("pfSense, taken for one on FreeBSD 14")
    enabled = configxml.interfaces(node, root, source)
    carps: dict[str, DeclaredVhid] = {}
    vips = root.all("virtualip/vip")
    for vip in vips:
        if vip.value("mode") == "carp":
            vhid = _carp(node, vip, source, enabled)
            if vhid is not None:
                carps[f"_vip{vip.value('uniqid')}"] = vhid
                carps[f"{vip.value('interface')}_vip{vip.value('vhid')}"] = vhid
    for vip in vips:
        if vip.value("mode") == "ipalias" and "_vip" in vip.value("interface"):
            _alias(node, vip, source, carps)
        elif vip.value("mode") == "ipalias":
            configxml.own_alias(node, vip, source, enabled)
    node.preempt = True
    node.preempt_where = Where(source.path, root.line)
    element = root.find(MAINTENANCE)
    if element is not None:
        node.maintenance.append((Where(source.path, element.line), MAINTENANCE))
        for vhid in node.vhids:
            vhid.advskew = MAINTENANCE_SKEW
    take_maintenance(node, configxml.tunables(root, source))
    _sync(node, root, source)


def _carp(
    node: DeclaredNode, vip: Element, source: Source, enabled: dict[str, bool]
) -> DeclaredVhid | None:
    where = Where(source.path, vip.line)
    key_name = vip.value("interface")
    device = node.gui_interfaces.get(key_name, key_name)
    number = atoi(vip.value("vhid"))
    vhid = declare(node, number, device, where)
    if not 1 <= number <= 255:
        place = Where(source.path, (vip.find("vhid") or vip).line)
        told = "ifconfig refuses the call: a vhid is a number from 1 to 255"
        refuse(node, place, told, device, number, label="vhid_out_of_range")
        return None
    vhid.advbase = atoi(vip.value("advbase")) or 1
    vhid.advskew = atoi(vip.value("advskew"))
    key = configxml.gui_key(vip, source)
    if key is not None:
        vhid.key = key
    shared = address(vip.value("subnet"))
    line = Where(source.path, (vip.find("subnet") or vip).line)
    bits = atoi(vip.value("subnet_bits")) if vip.value("subnet_bits") else None
    if shared is None:
        refuse(node, line, "ifconfig refuses the address", device, number)
        return vhid
    if not enabled.get(key_name, False):
        vhid.dropped.append(SharedAddress(shared, bits, line))
        told = "its interface is not enabled, so the address is passed over"
        refuse(node, where, told, device, number)
        vhid.runs = False
        return vhid
    if not 0 <= vhid.advskew <= 254 or not 1 <= vhid.advbase <= 255:
        vhid.dropped.append(SharedAddress(shared, bits, line))
        told = "ifconfig refuses the call: advskew is 0 to 254 and advbase 1 to 255"
        refuse(node, where, told, device, number)
        return vhid
    vhid.add(SharedAddress(shared, bits, line))
    if vip.value("carp_mode") == "ucast":
        peer = address(vip.value("carp_peer"))
        if peer is not None:
            vhid.set_peer(peer, Where(source.path, (vip.find("carp_peer") or vip).line))
    return vhid


def _alias(
    node: DeclaredNode, vip: Element, source: Source, carps: dict[str, DeclaredVhid]
) -> None:
    where = Where(source.path, vip.line)
    vhid = carps.get(vip.value("interface"))
    if vhid is None:
        match = re.fullmatch(r".+_vip([0-9]{1,3})", vip.value("interface"))
        number = int(match[1]) if match is not None else None
        told = "the carp address that it lies on is not in the file"
        refuse(node, where, told, vip.value("interface"), number)
        return
    shared = address(vip.value("subnet"))
    line = Where(source.path, (vip.find("subnet") or vip).line)
    bits = atoi(vip.value("subnet_bits")) if vip.value("subnet_bits") else None
    if shared is None:
        refuse(node, line, "ifconfig refuses the address", vhid.device, vhid.number)
    elif not vhid.runs:
        vhid.dropped.append(SharedAddress(shared, bits, line))
    elif shared not in vhid.held:
        vhid.add(SharedAddress(shared, bits, line))
        vhid.where.append(where)


def _sync(node: DeclaredNode, root: Element, source: Source) -> None:
    for base in ("hasync", "installedpackages/carpsettings/config"):
        to = root.find(f"{base}/synchronizetoip")
        wanted = root.find(f"{base}/synchronizevirtualip")
        if to is None or not to.text or wanted is None or wanted.text in ("off", "0", "no"):
            continue
        vips = []
        for vip in root.all("virtualip/vip"):
            mode, key = vip.value("mode"), vip.value("interface")
            if mode == "carp" or (mode == "ipalias" and (key.startswith("_vip") or key == "lo0")):
                where = Where(source.path, vip.line)
                number = atoi(vip.value("vhid")) if mode == "carp" else None
                skew = atoi(vip.value("advskew")) if mode == "carp" else None
                vips.append((number, key, skew, where))
        node.sync = Sync(to.text, Where(source.path, to.line), vips)
        return


SYSTEM = System("pfSense", ("pfsense.config.xml",), read)
