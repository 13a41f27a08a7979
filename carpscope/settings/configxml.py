"""What config.xml of OPNsense and pfSense have in common: interfaces, keys, filter rules."""

import re

from carpscope.core.address import GROUP4, GROUP6, inside
from carpscope.core.values import dataclass, field
from carpscope.settings import keys
from carpscope.settings.model import DeclaredKey, DeclaredNode, Firewall, Own, Where
from carpscope.settings.numbers import address, atoi
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.sysctl import Values
from carpscope.settings.xml import Element, parse


def root_of(files: NodeFiles, kind: str) -> tuple[Source, Element] | None:
    """Return the document of a node, if it has one of that kind."""
    for source in files.of(kind):
        return source, parse(source.data, source.path)
    return None


def interfaces(node: DeclaredNode, root: Element, source: Source) -> dict[str, bool]:
    """Read the interfaces; return which keys are enabled."""
    enabled: dict[str, bool] = {}
    vlans = {one.value("vlanif"): one.value("tag") for one in root.all("vlans/vlan")}
    found = root.find("interfaces")
    for element in () if found is None else found.children:
        device = element.value("if") or element.tag
        enabled[element.tag] = element.find("enable") is not None
        node.gui_interfaces[element.tag] = device
        interface = node.interface(device)
        interface.vlan = _vlan(vlans, device)
        for tag, length in (("ipaddr", "subnet"), ("ipaddrv6", "subnetv6")):
            own = address(element.value(tag))
            if own is None:
                continue
            bits = atoi(element.value(length)) if element.value(length) else None
            where = Where(source.path, (element.find(tag) or element).line)
            interface.add(Own(own, bits, where))
    return enabled


def _vlan(vlans: dict[str, str], device: str) -> int | None:
    if vlans.get(device, "").isdecimal():
        return atoi(vlans[device])
    match = re.fullmatch(r".+[._](?:vlan)?([0-9]{1,4})", device)
    return int(match[1]) if match is not None else None


def own_alias(node: DeclaredNode, vip: Element, source: Source, enabled: dict[str, bool]) -> None:
    """Take an alias without a vhid for an address of the interface itself."""
    key = vip.value("interface")
    found = address(vip.value("subnet"))
    if found is None or key not in node.gui_interfaces or not enabled.get(key, False):
        return
    bits = atoi(vip.value("subnet_bits")) if vip.value("subnet_bits") else None
    where = Where(source.path, (vip.find("subnet") or vip).line)
    node.interface(node.gui_interfaces[key]).add(Own(found, bits, where))


def gui_key(vip: Element, source: Source) -> DeclaredKey | None:
    """Make the key as both GUIs do: spaces go, slashes come, then ifconfig cuts."""
    element = vip.find("password")
    if element is None or not element.text:
        return None
    source.has_secret = True
    where = Where(source.path, element.line)
    written = element.text
    flaws = []
    bare = written.replace(" ", "")
    if bare != written:
        flaws.append("the GUI removes its spaces")
    slashed = re.sub(r"([\\'\"])", r"\\\1", bare)
    if slashed != bare:
        signs = {"'": "an apostrophe", '"': "a quote", "\\": "a backslash"}
        first = next(sign for sign in bare if sign in signs)
        flaws.append(f"{signs[first]} gets a backslash before it from the GUI")
    return keys.made(slashed, set(), where, "utf-8", flaw=" and ".join(flaws))


def tunables(root: Element, source: Source) -> Values:
    """Read the system tunables."""
    found: Values = {}
    for item in root.all("sysctl/item"):
        name = item.value("tunable")
        if name.startswith("net.inet.carp."):
            found[name] = (item.value("value"), Where(source.path, item.line))
    return found


@dataclass(slots=True)
class GuiFilter(Firewall):
    """Rules of the GUI, for advertisements to a peer; the first that matches decides.

    OPNsense lets advertisements to the group in by itself, and nothing else of protocol 112.
    """

    node: DeclaredNode
    root: Element = field(repr=False)
    source: Source

    def verdict(
        self, interface: str, direction: str, source: bytes | None, destination: bytes
    ) -> tuple[bool | None, Where | None]:
        """Tell whether an advertisement comes in."""
        if direction == "out" or destination in (GROUP4, GROUP6):
            return True, None
        if self.root.find("OPNsense/Firewall/Filter/rules/rule") is not None:
            return None, None
        last: tuple[bool | None, Where | None] = (False, Where(self.source.path, 1))
        found = self.root.find("filter")
        if found is not None:
            last = (False, Where(self.source.path, found.line))
        for rule in self.root.all("filter/rule"):
            matches = self._matches(rule, interface, source, destination)
            if matches is False:
                continue
            if matches is None:
                return None, None
            passes = (rule.value("type") or "pass") == "pass"
            where = Where(self.source.path, rule.line)
            if rule.find("floating") is not None and rule.value("quick") not in ("yes", "1"):
                last = (passes, where)
                continue
            return passes, where
        return last

    def _matches(
        self, rule: Element, interface: str, source: bytes | None, destination: bytes
    ) -> bool | None:
        if rule.find("disabled") is not None and rule.value("disabled") != "0":
            return False
        keys_named = [k for k in re.split(r"[, ]+", rule.value("interface")) if k]
        devices = [self.node.gui_interfaces.get(key) for key in keys_named]
        if keys_named and interface not in devices:
            return None if None in devices else False
        if rule.value("direction") == "out":
            return False
        family = rule.value("ipprotocol") or "inet"
        if (len(destination) == 4) != (family == "inet") and family != "inet46":
            return False
        if rule.value("protocol").lower() not in ("", "any", "carp", "112"):
            return False
        ends = [
            self._end(rule.find("source"), source),
            self._end(rule.find("destination"), destination),
        ]
        if False in ends:
            return False
        return None if None in ends else True

    def _end(self, end: Element | None, value: bytes | None) -> bool | None:
        if end is None or end.find("any") is not None:
            return True
        network = end.value("network")
        named = end.value("address")
        answer: bool | None = None
        if network in self.node.gui_interfaces or network.removesuffix("ip") in (
            self.node.gui_interfaces
        ):
            device = (
                self.node.gui_interfaces[network.removesuffix("ip")]
                if (network not in self.node.gui_interfaces)
                else self.node.gui_interfaces[network]
            )
            own = self.node.interface(device).own
            if value is not None:
                answer = any(inside(one.address, one.length, value) for one in own)
        elif named and value is not None:
            bare, slash, length = named.partition("/")
            packed = address(bare)
            if packed is not None:
                bits = atoi(length) if slash else 8 * len(packed)
                answer = inside(packed, bits, value)
        if end.find("not") is not None and answer is not None:
            answer = not answer
        return answer
