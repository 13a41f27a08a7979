"""A simulation document read as a history: who was there, who was MASTER, set up how.

All times are seconds from the start of the capture, as in the document.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from carpscope.core.address import parse_ip
from carpscope.protocol.profile import Drive, Profile, profiles
from carpscope.protocol.secret import key_bytes

Document = Mapping[str, Any]
Label = dict[str, Any]
BLIP = 1e-5
"""States that last no longer are steps of one configuration command."""


class MasterSpan(NamedTuple):
    """One time of a node as MASTER."""

    node: str
    start: float
    end: float
    gained: str
    """Why it became MASTER."""
    lost: str = ""
    """Why it no longer was; empty where it still is at the end."""
    to: str = ""
    """The state after it; empty where it still is at the end."""


@dataclass(frozen=True)
class Setting:
    """What one vhid of a node was configured with over a stretch of time."""

    node: str
    vhid: int
    start: float
    end: float
    advbase: int
    advskew: int
    passphrase: str
    addresses: tuple[str, ...]
    profile: Profile

    @cached_property
    def signed(self) -> bytes:
        """Return what stands for key and addresses in an HMAC."""
        return self._digest(key_bytes(self.passphrase))

    @cached_property
    def signed_addresses(self) -> bytes:
        """Return what stands for the addresses alone."""
        return self._digest(b"")

    def _digest(self, key: bytes) -> bytes:
        raw = [parse_ip(text, where="") for text in self.addresses]
        four = tuple(address for address in raw if len(address) == 4)
        six = tuple(address for address in raw if len(address) == 16)
        return self.profile.secrets(key, self.vhid, four, six).sends.sign(bytes(8))

    @property
    def is_ucarp(self) -> bool:
        """Tell whether it signs one address, whatever is configured."""
        return self.profile.drive is Drive.POLL_LOOP

    @property
    def interval(self) -> float:
        """Return the seconds between its advertisements."""
        return max(1, self.advbase) + self.advskew / 256

    @property
    def take_over(self) -> float:
        """Return how long it normally waits as a backup, at the longest."""
        if self.is_ucarp:
            return 3 * self.interval + 1
        return 3 * max(1, self.advbase) + self.advskew / 256


class History:
    """What a document says, prepared for questions."""

    def __init__(self, document: Document) -> None:
        """Read it once."""
        self.document = document
        scenario = document["scenario"]
        self.nodes: dict[str, Mapping[str, Any]] = {n["name"]: n for n in scenario["nodes"]}
        self.events: list[Mapping[str, Any]] = scenario["events"]
        self.end = float(scenario["duration"])
        known = profiles()
        self.profiles = {name: known[plan["impl"]] for name, plan in self.nodes.items()}
        self.vhids = sorted({v["vhid"] for n in self.nodes.values() for v in n["vhids"]})
        self.master_periods = {
            vhid: sorted(self._master_periods(vhid), key=_start) for vhid in self.vhids
        }
        self.settings = {vhid: list(self._settings(vhid)) for vhid in self.vhids}
        self.adverts: list[Mapping[str, Any]] = document["advertisements"]

    def setting(self, node: str, vhid: int, at: float) -> Setting | None:
        """Return how a node is set up at a time; None where it is not there."""
        for setting in self.settings[vhid]:
            if setting.node == node and setting.start <= at < setting.end + 1e-9:
                return setting
        return None

    def advertised(self, nodes: set[str], vhid: int, start: float, end: float) -> set[str]:
        """Return which of the nodes advertised in a stretch of time."""
        return {
            a["node"]
            for a in self.adverts
            if a["vhid"] == vhid and a["node"] in nodes and start <= a["t"] <= end
        }

    def present(self, node: str) -> list[tuple[float, float]]:
        """Return when a node was switched on."""
        spans, since = [], float(self.nodes[node]["start"])
        up = True
        for event in sorted(self.events, key=lambda event: float(event["t"])):
            if event.get("node") != node or event["t"] < since:
                continue
            if event["type"] == "crash" and up:
                spans.append((since, float(event["t"])))
                up = False
            elif event["type"] == "restart" and not up:
                since, up = float(event["t"]), True
        if up:
            spans.append((since, self.end))
        return [(a, min(b, self.end)) for a, b in spans if a < self.end]

    def _settings(self, vhid: int) -> Iterator[Setting]:
        for name, plan in self.nodes.items():
            own = next((item for item in plan["vhids"] if item["vhid"] == vhid), None)
            if own is None:
                continue
            for start, end in self.present(name):
                yield from self._span(name, own, start, end)

    def _span(
        self, name: str, own: Mapping[str, Any], start: float, end: float
    ) -> Iterator[Setting]:
        """Return the settings between a boot and a crash: configuration starts anew."""
        now = Setting(
            name,
            own["vhid"],
            start,
            end,
            own["advbase"],
            own["advskew"],
            own["passphrase"],
            (*own["ipv4"], *own["ipv6"]),
            self.profiles[name],
        )
        for event in sorted(self.events, key=lambda event: float(event["t"])):
            at = float(event["t"])
            mine = event.get("node") == name and event.get("vhid") in (None, own["vhid"])
            if not mine or not start <= at < end:
                continue
            after = _changed(now, event)
            if after != now:
                if at > now.start:
                    yield replace(now, end=at)
                now = replace(after, start=at)
        yield now

    def _master_periods(self, vhid: int) -> Iterator[MasterSpan]:
        begun: dict[str, tuple[float, str]] = {}
        for item in sorted(self.document["transitions"], key=lambda item: float(item["t"])):
            if item["vhid"] != vhid or item["t"] > self.end:
                continue
            node, at = item["node"], float(item["t"])
            if item["to"] == "MASTER":
                begun.setdefault(node, (at, item["reason"]))
            elif node in begun:
                start, gained = begun.pop(node)
                if at - start > BLIP:
                    yield MasterSpan(node, start, at, gained, item["reason"], item["to"])
        for node, (start, gained) in begun.items():
            yield MasterSpan(node, start, self.end, gained)


def _start(period: MasterSpan) -> float:
    return period.start


def _changed(now: Setting, event: Mapping[str, Any]) -> Setting:
    value: Any = event.get("value")
    match event["type"]:
        case "set_pass":
            return replace(now, passphrase=value)
        case "set_advskew":
            return replace(now, advskew=value)
        case "set_advbase":
            return replace(now, advbase=value)
        case "add_addr":
            return replace(now, addresses=(*now.addresses, str(value)))
        case "del_addr":
            return replace(now, addresses=tuple(a for a in now.addresses if a != value))
        case _:
            return now


def label(
    name: str, start: float, end: float, nodes: set[str], vhid: int | None, **more: Any
) -> Label:
    return {
        "label": name,
        "start": start,
        "end": end,
        "nodes": sorted(nodes),
        "vhid": vhid,
        **more,
    }
