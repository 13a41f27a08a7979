"""Writes what is known of a capture beside it: `about.toml` for people, `capture.json` for scoring.

Both are made from one document, so they cannot disagree.
"""

import hashlib
import json
import shlex
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from captures.record.label import Label
from captures.record.peers import ucarp_command
from captures.record.plan import SECOND, Attack, Chronicle, Host, Micros, Moment, Plain, Story
from captures.record.span import text_time

LICENCE = "CC0-1.0"
TIMES = (
    "Times are UTC. Lines of ucarp bear its own time stamp, taken just before it does what the "
    "line says; lines of keepalived the time they arrived; the recorder's own the time it acted. "
    "The same clock stamped the frames. A line that is repeated is one entry with `repeated` and "
    "`until`."
)
_PCAP_HEADER = 24
_RECORD = struct.Struct("<IIII")
_PROTOCOL = 112
_AUTHENTICATION_HEADER = 51


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that is written about one capture."""

    story: Story
    chronicle: Chronicle
    labels: Sequence[Label]
    macs: Mapping[str, str]
    versions: Mapping[str, str]


def write(folder: Path, recording: Recording) -> None:
    """Both files, for the `capture.pcap` that is in the folder already."""
    story, chronicle = recording.story, recording.chronicle
    document: dict[str, Plain] = {
        "name": story.name,
        "happens": " ".join(story.happens.split()),
        "licence": LICENCE,
        "start": text_time(chronicle.begin),
        "duration": seconds(chronicle.end - chronicle.begin),
        "times": TIMES,
        "passphrases": passphrases(story),
        "addresses": addresses(story),
        "origin": {
            "command": f"python -m captures.record --only {story.name}",
            "date": text_time(chronicle.begin)[:10],
            "how": "real processes in network namespaces on a bridge; tcpdump on a span port",
            **recording.versions,
        },
        "capture": facts(folder / "capture.pcap", story),
        "node": [node for host in story.hosts for node in _nodes(story, host, recording.macs)],
        "event": list(_events(chronicle)),
        "label": [_label(label, chronicle.begin) for label in recording.labels],
    }
    write_both(folder, document, [_scored_node(story, host) for host in story.hosts])


def write_both(
    folder: Path, document: Mapping[str, Plain], nodes: Sequence[Mapping[str, Plain]]
) -> None:
    """The document as TOML; its labels and the nodes' secrets as the JSON that scoring reads."""
    (folder / "about.toml").write_text(toml(document))
    scored: dict[str, Plain] = {
        key: document[key] for key in ("name", "happens", "start", "duration", "passphrases")
    }
    scored |= {"nodes": list(nodes), "truth": document["label"]}
    text = json.dumps(scored, indent=1, ensure_ascii=False)
    (folder / "capture.json").write_text(text + "\n")


def passphrases(story: Story) -> list[str]:
    return list(dict.fromkeys(u.passphrase for h in story.hosts for _, u in story.configured(h)))


def addresses(story: Story) -> list[str]:
    return list(dict.fromkeys(u.address for h in story.hosts for _, u in story.configured(h)))


def facts(path: Path, story: Story) -> dict[str, Plain]:
    """Size and digest of the capture, and how many frames of which kind are in it."""
    data = path.read_bytes()
    frames = list(_frames(data))
    # Told apart by who sent them, since only the configuration knows what a sender speaks.
    carp = {host.address for host in story.hosts if host.ucarps}
    carp |= {story.host(a.host).address for a in story.actions if isinstance(a, Attack)}
    senders = [sender for frame in frames if (sender := _sender(frame)) is not None]
    advertisements = sum(sender in carp for sender in senders)
    return {
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "packets": len(frames),
        "advertisements": advertisements,
        "vrrp_advertisements": len(senders) - advertisements,
    }


def seconds(micros: Micros) -> float:
    return round(micros / SECOND, 6)


def toml(document: Mapping[str, Plain]) -> str:
    """A TOML text: plain values first, then tables, then arrays of tables."""
    lines = [f"{key} = {_value(value)}" for key, value in document.items() if not _is_table(value)]
    for key, value in document.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{key}]", *(f"{k} = {_value(v)}" for k, v in value.items())]
        elif isinstance(value, Sequence) and _is_table(value):
            for entry in value:
                assert isinstance(entry, Mapping)
                lines += ["", f"[[{key}]]", *(f"{k} = {_value(v)}" for k, v in entry.items())]
    return "\n".join([*lines, ""])


def _is_table(value: Plain) -> bool:
    if isinstance(value, str):
        return False
    if isinstance(value, Sequence):
        return bool(value) and isinstance(value[0], Mapping)
    return isinstance(value, Mapping)


def _value(value: Plain) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # TOML's basic strings escape as JSON's do
    if isinstance(value, Mapping):
        inside = ", ".join(f"{json.dumps(k)} = {_value(v)}" for k, v in value.items())
        return f"{{ {inside} }}"
    return f"[{', '.join(_value(item) for item in value)}]"


def _nodes(story: Story, host: Host, macs: Mapping[str, str]) -> Iterator[dict[str, Plain]]:
    common: dict[str, Plain] = {
        "name": host.name,
        "address": host.address,
        "mac": macs[host.name],
    }
    if host.vlans:
        common["vlan"] = list(host.vlans)
    for second, ucarp in story.configured(host):
        yield common | {
            "implementation": "ucarp",
            "vhid": ucarp.vhid,
            "advbase": ucarp.advbase,
            "advskew": ucarp.advskew,
            "preempt": ucarp.preempt,
            **({"ttl": host.ttl} if host.ttl is not None else {}),
            "addresses": [ucarp.address],
            "passphrase": passphrases(story).index(ucarp.passphrase) + 1,
            "command": shlex.join(ucarp_command(host, ucarp)),
            **({"from_second": second} if second else {}),
        }
    for router in host.vrrps:
        yield common | {
            "implementation": "keepalived",
            "vrrp_version": router.version,
            "virtual_router_id": router.vrid,
            "priority": router.priority,
            "virtual_addresses": list(router.addresses),
            "authentication": router.auth[0] if router.auth else "none",
            "virtual_mac": router.own_mac,
        }
    if not host.ucarps and not host.vrrps:
        yield common | {"implementation": "none"}


def _scored_node(story: Story, host: Host) -> dict[str, Plain]:
    node: dict[str, Plain] = {"name": host.name, "ip": host.address}
    if host.vlans:
        node["vlan"] = list(host.vlans)
    if host.ucarps:
        node["implementation"] = "ucarp"
        node["passphrase"] = host.ucarps[0].passphrase
        node["addresses"] = list(
            dict.fromkeys(ucarp.address for _, ucarp in story.configured(host))
        )
        node["vhids"] = [
            {
                "vhid": ucarp.vhid,
                "advbase": ucarp.advbase,
                "advskew": ucarp.advskew,
                "passphrase": ucarp.passphrase,
                "addresses": [ucarp.address],
            }
            for _, ucarp in story.configured(host)
        ]
    else:
        node["implementation"] = "keepalived" if host.vrrps else "none"
    return node


def _events(chronicle: Chronicle) -> Iterator[dict[str, Plain]]:
    """What was done and logged; a line that a program repeats is one entry."""
    run: list[Moment] = []
    open_runs: dict[tuple[str, int | None], list[Moment]] = {}
    runs: list[list[Moment]] = []
    for moment in chronicle.moments:
        key = (moment.host, moment.vhid)
        run = open_runs.get(key, [])
        if run and (run[0].kind, _gist(run[0])) == (moment.kind, _gist(moment)):
            run.append(moment)
        else:
            open_runs[key] = [moment]
            runs.append(open_runs[key])
    for run in runs:
        first = run[0]
        event: dict[str, Plain] = {"time": text_time(first.at), "node": first.host}
        if first.vhid is not None:
            event["vhid"] = first.vhid
        event["by"] = "log" if first.kind == "log" else "recorder"
        event["text"] = first.text
        if len(run) > 1:
            event |= {"repeated": len(run), "until": text_time(run[-1].at)}
        yield event


def _gist(moment: Moment) -> str:
    """A refused digest is logged with its bytes, which differ each time."""
    return moment.text.partition(" - md2=")[0]


def _label(label: Label, begin: Micros) -> dict[str, Plain]:
    entry: dict[str, Plain] = {
        "label": label.label,
        "class": label.kind,
        "start": seconds(label.start - begin),
        "end": seconds(label.end - begin),
        "start_epoch": seconds(label.start),
        "end_epoch": seconds(label.end),
        "nodes": list(label.nodes),
        "cause": label.cause,
    }
    if label.vhid is not None:
        entry["vhid"] = label.vhid
    if label.vlan:
        entry["vlan"] = list(label.vlan)
    if label.kind in {"problem", "config"}:
        entry["observable"] = True
    if label.optional:
        entry["optional"] = True
    if label.accept:
        entry["accept"] = list(label.accept)
    return entry | dict(label.more)


def _frames(data: bytes) -> Iterator[bytes]:
    at = _PCAP_HEADER
    while at < len(data):
        _, _, captured, _ = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        yield data[at : at + captured]
        at += captured


def _sender(frame: bytes) -> str | None:
    """Who sent a frame of protocol 112, below VLAN tags, IPv6 or an authentication header."""
    at = 12
    while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    ethertype, packet = frame[at : at + 2], frame[at + 2 :]
    if ethertype == b"\x86\xdd":
        return str(IPv6Address(packet[8:24])) if packet[6] == _PROTOCOL else None
    if ethertype != b"\x08\x00":
        return None
    inside = packet[4 * (packet[0] & 15)] if packet[9] == _AUTHENTICATION_HEADER else packet[9]
    return str(IPv4Address(packet[12:16])) if inside == _PROTOCOL else None
