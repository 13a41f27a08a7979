"""What programs made for Suricata's EVE find in a line: read back by jq."""

import json
import subprocess
from pathlib import Path

from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND
from carpscope.live.monitor import Monitor
from carpscope.live.records import MonitorRecords, notice
from carpscope.report.sinks.jsonl import open_lines
from tests.plain import START, Tape, carp, ether, ipv4

PLACES = ("eth1", ()), ("eth1", (10,)), ("eth2", ())


def written(tape: Tape, path: Path, interface: str = "eth1") -> Path:
    """Tell what happens, a look each second, into a file."""
    monitor = Monitor(Config(), interface)
    teller, sink = MonitorRecords(monitor), open_lines(str(path))
    looked = begin = round(START * SECOND)
    sink.send(notice(begin, "clock", "the clock was set"))
    for number, (at, data) in enumerate(sorted(tape.frames, key=lambda one: one[0]), 1):
        frame = Frame(number, begin + round(at * SECOND), 1, data, len(data))
        while looked + SECOND <= frame.at:
            looked += SECOND
            for record in teller.look(looked)[1]:
                sink.send(record)
        monitor.see(frame)
    for record in teller.look(looked + SECOND)[1]:
        sink.send(record)
    sink.close()
    return path


def asked(question: str, path: Path) -> list[object]:
    done = subprocess.run(["jq", "-c", question, path], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def two_masters(vlan: tuple[int, ...] = ()) -> Tape:
    tape = Tape()
    for second in range(9):
        tape.advert(second, "192.0.2.1", 1, vlan=vlan)
        tape.advert(second + 0.4, "192.0.2.2", 1, 100, vlan=vlan)
        tape.advert(second + 0.2, "fe80::1", 7, vlan=vlan)
    return tape


def test_a_line_has_what_suricatas_users_index(tmp_path: Path) -> None:
    path = written(two_masters((10, 20)), tmp_path / "eve.json")
    keys = "[.in_iface, .vlan, .proto, .src_ip, .dest_ip]"
    brain = 'select(.event_type == "finding" and .finding.label == "split_brain")'
    assert asked(f"{brain} | {keys}", path)[0] == [
        "eth1", [10, 20], "CARP", "192.0.2.1", "224.0.0.18",
    ]  # fmt: skip
    state = 'select(.event_type == "state" and .action == "MASTER" and .nodes != null)'
    assert ["eth1", [10, 20], "CARP", "fe80::1", "ff02::12"] in asked(f"{state} | {keys}", path)
    assert ["eth1", [10, 20], "CARP", "192.0.2.2", "224.0.0.18"] in asked(f"{state} | {keys}", path)


def test_one_flow_is_one_group_of_one_interface(tmp_path: Path) -> None:
    def flows(name: str, vlan: tuple[int, ...], file: str) -> set[str]:
        path = written(two_masters(vlan), tmp_path / file, name)
        return {str(pair) for pair in asked("select(.group) | [.flow_id, .group]", path)}

    places = [flows(name, vlan, "a.json") for name, vlan in PLACES]
    assert [len(found) for found in places] == [2, 4, 6], "a file is appended to"
    assert flows("eth1", (), "b.json") < places[-1]
    numbers = [pair.split(",")[0].lstrip("[") for pair in places[-1]]
    assert len(set(numbers)) == 6
    assert max(map(int, numbers)) < 1 << 53, "jq and browsers keep doubles"


def test_what_is_unknown_has_no_key(tmp_path: Path) -> None:
    path = written(two_masters(), tmp_path / "eve.json")
    assert asked('select(.action == "clock") | keys', path) == [
        sorted(("action", "event_type", "group", "interface", "message", "nodes", "schema",
                "severity", "state", "timestamp", "vhid"))
    ]  # fmt: skip
    assert asked("select(.vlan) | .vlan", path) == []


def test_a_peer_and_an_attacker_are_named(tmp_path: Path) -> None:
    """One node advertises to its peer alone; somebody sends in its name from another address."""
    tape = Tape()
    for second in range(60):
        body = carp(3, 1, 0, 1 << 40 | second)
        packet = ipv4("192.0.2.1", "192.0.2.2", 112, body, number=second)
        tape.put(second, ether("00:00:5e:00:01:03", "02:00:00:00:00:02", 0x0800, packet))
        tape.advert(second + 0.1, "192.0.2.1", 1, passphrase="own")
        if 20 < second < 50:
            body = carp(1, 255, 254, 0x9E3779B97F4A7C15 * second % (1 << 64), passphrase="?")
            packet = ipv4("192.0.2.1", "224.0.0.18", 112, body, number=second)
            tape.put(second + 0.5, ether("02:00:00:00:00:66", "01:00:5e:00:00:12", 0x0800, packet))
    path = written(tape, tmp_path / "eve.json")
    lone = asked('select(.vhid == 3 and .event_type == "state") | [.src_ip, .dest_ip]', path)
    assert lone[0] == ["192.0.2.1", "192.0.2.2"]
    attacks = asked("select(.finding.attacker) | [.finding.attacker.address, .src_ip]", path)
    assert attacks == [["192.0.2.1", "192.0.2.1"]]
