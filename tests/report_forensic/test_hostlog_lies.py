"""Logs that are wrong, or of something else: none agrees with the wire by accident.

The wire is plain bytes; every line has one thing that does not fit, and the word for it.
"""

import json
from pathlib import Path

import pytest

from carpscope.core.units import SECOND, parse_rfc3339, rfc3339
from carpscope.report.hostlog.clock import LogClock
from carpscope.report.hostlog.entry import Entry, EntryKind
from carpscope.report.hostlog.lines import Unread, entries
from tests.plain import START, Tape
from tests.program import capture, run
from tests.report_forensic.test_hostlog import logs, recorded

HOST = "192.0.2.1"


def stamp(at: float, zone: str = "Z") -> str:
    """Return a time of the tape as a log has it."""
    text = rfc3339(round((START + at) * SECOND))
    return text.removesuffix("Z") + zone


def judged(
    tape: Tape, room: Path, *lines: str, host: str = HOST, more: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """Hold lines against a tape; return what the wire says to each, and why."""
    log = room / "host.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    done = run("report", tape.write(room / "tape.pcap"), "-o", str(room / "r"),
               "--log", f"{host}={log}", *more)  # fmt: skip
    assert done.status in (0, 1), done.err
    happened = [json.loads(text) for text in (room / "r" / "events.jsonl").read_text().splitlines()]
    found = [item for item in happened if item["kind"] == "log"]
    found.sort(key=lambda item: item["line"])
    return [(item["wire"], item["because"]) for item in found]


def kernel(at: float, text: str) -> str:
    return f"{stamp(at)} fw1 kernel: carp: {text}"


def demoted() -> Tape:
    """Record a FreeBSD that is demoted by 240 from 20.3 to 40.3 s."""
    tape = Tape()
    for beat in range(60):
        tape.advert(beat, HOST, 7, 240 if 20 < beat <= 40 else 0)
    tape.advert(20.3, HOST, 7, 240)
    tape.advert(40.3, HOST, 7, 0)
    return tape


@pytest.mark.parametrize(
    ("at", "text", "word"),
    [
        (20.3, "demoted by 240 to 240 (pfsync bulk start)", "agrees"),
        (40.3, "demoted by -240 to 0 (pfsync bulk done)", "agrees"),
        (20.3, "demoted by -240 to 0 (pfsync bulk done)", "contradicts"),
        (40.3, "demoted by 240 to 240 (pfsync bulk start)", "contradicts"),
        (20.3, "demoted by 1 to 2 (interface down)", "contradicts"),
        (20.3, "demoted by 100 to 100 (interface down)", "contradicts"),
        (40.3, "demoted by -1 to 239 (interface up)", "contradicts"),
        (20.3, "demoted by 240 to 480 (interface down)", "contradicts"),
        (40.3, "demoted by -480 to 0 (interface up)", "agrees"),
        (10.0, "demoted by 240 to 240 (interface down)", "not on the wire"),
        (30.0, "demoted by 240 to 480 (interface down)", "not decidable"),
        (30.0, "demoted by -240 to 240 (interface up)", "not decidable"),
        (90.0, "demoted by 240 to 240 (interface down)", "not decidable"),
    ],
)
def test_direction_amount_and_total_must_fit(
    at: float, text: str, word: str, tmp_path: Path
) -> None:
    ((said, _),) = judged(demoted(), tmp_path, kernel(at, text))
    assert said == word


def test_of_several_demotions_in_a_second_each_takes_its_own(tmp_path: Path) -> None:
    tape = Tape()
    for beat in range(40):
        tape.advert(beat, HOST, 7)
    tape.advert(20.2, HOST, 7, 240)
    tape.advert(20.6, HOST, 7)
    said = judged(
        tape,
        tmp_path,
        kernel(20.2, "demoted by 240 to 240 (pfsync bulk start)"),
        kernel(20.3, "demoted by 240 to 480 (interface down)"),
        kernel(20.4, "demoted by -240 to 240 (interface up)"),
        kernel(20.6, "demoted by -240 to 0 (pfsync bulk done)"),
    )
    words = [word for word, _ in said]
    assert words[0] == words[3] == "agrees"
    assert "contradicts" not in words


def test_a_demotion_is_of_all_groups_of_the_host(tmp_path: Path) -> None:
    tape = demoted()
    for beat in range(60):
        tape.advert(beat + 0.05, HOST, 8, 240 if 20 < beat <= 40 else 0)
    ((said, because),) = judged(tape, tmp_path, kernel(20.3, "demoted by 240 to 240 (x)"))
    assert (said, "in 2 groups" in because) == ("agrees", True)
    for beat in range(60):
        tape.advert(beat + 0.1, HOST, 9, 5)
    (tmp_path / "again").mkdir()
    ((said, _),) = judged(tape, tmp_path / "again", kernel(20.3, "demoted by 1 to 2 (x)"))
    assert said == "contradicts"


@pytest.mark.parametrize(
    ("at", "text", "word"),
    [
        (20.0, "by 1 to 1 (pfsyncdev)", "agrees"),
        (30.0, "by 1 to 2 (carpdev)", "agrees"),
        (40.0, "by -2 to 0 (pfsync bulk done)", "agrees"),
        (20.0, "by 1 to 2 (carpdev)", "contradicts"),
        (40.0, "by -1 to 1 (carpdev)", "contradicts"),
        (10.0, "by 1 to 1 (carpdev)", "not on the wire"),
    ],
)
def test_the_count_of_a_group_must_fit(at: float, text: str, word: str, tmp_path: Path) -> None:
    tape = Tape()
    for beat in range(60):
        tape.advert(beat, HOST, 7, demote=1 if 20 <= beat < 30 else 2 if 30 <= beat < 40 else 0)
    line = f"{stamp(at)} gw /bsd: carp: pfsync0 demoted group carp {text}"
    ((said, _),) = judged(tape, tmp_path, line)
    assert said == word


def two_vlans() -> Tape:
    """Record vhid 9 on two VLANs: MASTER on 20 all the time, on 10 from 15 s on."""
    tape = Tape()
    for beat in range(40):
        tape.advert(beat, HOST, 9, vlan=(20,))
        if beat < 12:
            tape.advert(beat + 0.1, "192.0.2.2", 9, 100, vlan=(10,))
        if beat >= 15:
            tape.advert(beat + 0.1, HOST, 9, vlan=(10,))
    return tape


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("9@ix0_vlan10: BACKUP -> MASTER (master timed out)", "agrees"),
        ("9@igb1.10: BACKUP -> MASTER (master timed out)", "agrees"),
        ("9@ix0_vlan20: BACKUP -> MASTER (master timed out)", "contradicts"),
        ("9@ix0_vlan30: BACKUP -> MASTER (master timed out)", "not decidable"),
        ("8@ix0_vlan10: BACKUP -> MASTER (master timed out)", "not decidable"),
        ("9@ix0: BACKUP -> MASTER (master timed out)", "not decidable"),
    ],
)
def test_an_interface_names_one_group(text: str, word: str, tmp_path: Path) -> None:
    ((said, _),) = judged(two_vlans(), tmp_path, kernel(15.1, text))
    assert said == word


def test_no_clock_is_taken_from_lines_of_other_groups(tmp_path: Path) -> None:
    said = judged(
        two_vlans(),
        tmp_path,
        kernel(12.1, "8@ix0_vlan10: BACKUP -> MASTER (master timed out)"),
        kernel(12.1, "9@ix0_vlan30: BACKUP -> MASTER (master timed out)"),
        kernel(12.1, "9@ix0_vlan40: BACKUP -> MASTER (master timed out)"),
        kernel(15.1, "9@ix0_vlan10: BACKUP -> MASTER (master timed out)"),
    )
    assert [word for word, _ in said] == ["not decidable"] * 3 + ["agrees"]
    page = (tmp_path / "r" / "report.html").read_text()
    assert "about +0.000 s against" in page or "about -0.000 s against" in page


def test_two_carp_interfaces_are_not_both_the_one_that_is_captured(tmp_path: Path) -> None:
    tape = Tape()
    for beat in range(30):
        if beat >= 10:
            tape.advert(beat, HOST, 9)
        else:
            tape.advert(beat, "192.0.2.2", 9, 100)
    bsd = [f"{stamp(10)} gw /bsd: carp{n}: state transition: BACKUP -> MASTER" for n in (1, 2)]
    assert [word for word, _ in judged(tape, tmp_path, *bsd)] == ["not decidable"] * 2
    (tmp_path / "one").mkdir()
    assert judged(tape, tmp_path / "one", bsd[0])[0][0] == "agrees"


def test_what_would_have_been_seen_and_was_not(tmp_path: Path) -> None:
    tape = Tape()
    for beat in range(30):
        tape.advert(beat, "192.0.2.2", 9, 100)
        if beat < 3:
            tape.advert(beat + 0.2, HOST, 9, 200)
    said = judged(
        tape,
        tmp_path,
        kernel(15, "9@em0: BACKUP -> MASTER (master timed out)"),
        kernel(18, "9@em0: MASTER -> BACKUP (more frequent advertisement received)"),
    )
    assert [word for word, _ in said] == ["not on the wire", "not on the wire"]


# ---- other formats


def read(*lines: str, unread: Unread | None = None) -> list[Entry]:
    clock = LogClock(near=parse_rfc3339("2026-11-28T11:43:00Z"))
    return [entry for _, entry in entries(lines, clock, unread) if entry is not None]


def test_ucarps_own_format_has_a_time() -> None:
    (entry,) = read("2026-11-28T11:43:02.918562: [WARNING] Switching to state: MASTER")
    assert entry.at is not None
    assert rfc3339(entry.at) == "2026-11-28T11:43:02.918562Z"
    assert (entry.system, entry.after, entry.coarse) == ("ucarp", "MASTER", False)


PFSENSE = (
    "Nov 28 11:43:02 fw1 php-fpm[300]: /rc.carpmaster: HA cluster member "
    '"(192.168.1.1@em0): (WAN)" has resumed CARP state "MASTER" for vhid 1'
)
OPNSENSE = (
    '<13>1 2026-11-28T11:43:02+00:00 fw1 opnsense 1 - [meta sequenceId="1"] '
    "/usr/local/etc/rc.syshook.d/carp/20-openvpn: Carp cluster member "
    '"1.2.3.4 - WAN (9@ix0_vlan20)" has resumed the state "BACKUP" for vhid 9'
)
BARE = "Nov 28 11:43:02 fw1 php-cgi: has resumed the state MASTER for vhid 12"


@pytest.mark.parametrize(
    ("line", "interface", "vhid", "after"),
    [
        (PFSENSE, "em0", 1, "MASTER"),
        (OPNSENSE, "ix0_vlan20", 9, "BACKUP"),
        (BARE, "", 12, "MASTER"),
    ],
)
def test_scripts_tell_states_too(line: str, interface: str, vhid: int, after: str) -> None:
    (entry,) = read(line)
    assert entry.kind is EntryKind.STATE
    assert (entry.interface, entry.vhid, entry.after) == (interface, vhid, after)


FILTERED = (
    "filterlog[1]: 5,,,1000000103,em0,match,block,in,4,0x10,,255,0,0,DF,112,carp,56,"
    "{},224.0.0.18,advertise,255,1,2,0,1"
)


def test_a_packet_filters_line_proves_that_it_arrived(tmp_path: Path) -> None:
    (entry,) = read(f"Nov 28 11:43:02 fw1 {FILTERED.format('10.0.0.2')}")
    assert (entry.kind, entry.source, entry.vhid) == (EntryKind.BLOCKED, "10.0.0.2", 1)
    six = "5,,,1,em0,match,block,in,6,0,0,255,carp,112,36,fe80::1,ff02::12,advertise,255,7,2,0,1"
    (entry,) = read(f"Nov 28 11:43:02 fw1 filterlog[1]: {six}")
    assert (entry.source, entry.vhid) == ("fe80::1", 7)
    passed = FILTERED.replace("block", "pass").format("10.0.0.2")
    assert read(f"Nov 28 11:43:02 fw1 {passed}") == []
    tape = Tape()
    for beat in range(30):
        tape.advert(beat, "192.0.2.2", 1, 100)
        tape.advert(beat + 0.5, HOST, 1)
    said = judged(
        tape,
        tmp_path,
        *(f"{stamp(10)} fw1 {FILTERED.format(who)}" for who in ("192.0.2.2", "192.0.2.77")),
    )
    assert said[0] == ("agrees", "192.0.2.2 advertises then: it arrived there and was blocked")
    assert said[1][0] == "not on the wire"


NETSTAT = """{}
carp:
\t{} packets received (IPv4)
\t\t0 packets discarded for wrong TTL
\t\t{} discarded for bad authentication
\t120 packets sent (IPv4)
"""


def test_netstat_pasted_twice_tells_what_it_gained(tmp_path: Path) -> None:
    text = NETSTAT.format("Sat Nov 28 11:43:00 UTC 2026", 10, 4)
    text += NETSTAT.format("Sat Nov 28 11:44:00 UTC 2026", 90, 64)
    (entry,) = read(*text.splitlines())
    assert (entry.kind, entry.by, entry.reason) == (
        EntryKind.COUNTER, 60, "discarded for bad authentication",
    )  # fmt: skip
    assert entry.at is not None
    assert entry.since == entry.at - 60 * SECOND
    assert read(*NETSTAT.format("Sat Nov 28 11:43:00 UTC 2026", 10, 4).splitlines()) == []
    # beside frames of two that sign differently
    status = tmp_path / "netstat.txt"
    name = "ucarp-different-passphrases"
    first = run("dissect", capture(name), "-c", "1", "--json").out
    begins = parse_rfc3339(json.loads(first.splitlines()[0])["timestamp"]) // SECOND
    import datetime as dt

    def shown(after: int) -> str:
        moment = dt.datetime.fromtimestamp(begins + after, dt.UTC)
        return f"{moment:%a %b %d %H:%M:%S} UTC {moment.year}"

    status.write_text(NETSTAT.format(shown(5), 10, 4) + NETSTAT.format(shown(15), 20, 14))
    (line,) = logs(name, tmp_path, "--log", f"192.0.2.1={status}")
    assert "1 of 12 lines tell of CARP" in (tmp_path / "r" / "report.md").read_text()
    assert line["wire"] in ("agrees", "not decidable")
    assert "10 more within 10.0 s" in str(line["because"])


def test_lines_without_a_zone_may_be_of_another(tmp_path: Path) -> None:
    paths = recorded("ucarp-flapping", tmp_path)
    bare = "".join(
        f"{rfc3339(parse_rfc3339(line.split()[0]) + 7200 * SECOND).removesuffix('Z')} "
        f"{line.split(' ', 1)[1]}\n"
        for line in paths["beta"].read_text().splitlines()
    )
    paths["beta"].write_text(bare)
    found = logs("ucarp-flapping", tmp_path, "--log", f"192.0.2.2={paths['beta']}")
    masters = [line for line in found if "MASTER" in str(line["text"])]
    assert len(masters) >= 2
    assert {line["wire"] for line in masters} == {"agrees"}
    page = (tmp_path / "r" / "report.html").read_text()
    assert "its lines without a zone fit the wire +02:00 from where --log-zone puts them" in page


def test_two_zones_in_one_file(tmp_path: Path) -> None:
    """Lines with a zone are where they say; those without are where they fit."""
    paths = recorded("ucarp-flapping", tmp_path)
    lines = paths["beta"].read_text().splitlines()
    mixed = []
    for number, line in enumerate(lines):
        time, rest = line.split(" ", 1)
        at = parse_rfc3339(time)
        if number % 2:
            mixed.append(f"{rfc3339(at + 3600 * SECOND).removesuffix('Z')}+01:00 {rest}\n")
        else:
            mixed.append(f"{rfc3339(at - 5 * 3600 * SECOND).removesuffix('Z')} {rest}\n")
    paths["beta"].write_text("".join(mixed))
    found = logs("ucarp-flapping", tmp_path, "--log", f"192.0.2.2={paths['beta']}")
    assert {line["wire"] for line in found if "MASTER" in str(line["text"])} == {"agrees"}


def test_what_was_not_understood_is_counted_and_shown(tmp_path: Path) -> None:
    unread = Unread()
    told = read(
        "Nov 28 11:43:02 fw1 kernel: carp: something new in a later release",
        "Nov 28 11:43:02 fw1 kernel: em0: link state changed to UP",
        "2026-11-28T11:43:02.918821: [WARNING] Spawning [./down.sh eth0 10.88.0.10]",
        "Nov 28 11:43:03 fw1 kernel: carp: 1@em0: BACKUP -> MASTER (master timed out)",
        "\tgroups: carp",
        unread=unread,
    )
    assert (len(told), unread.count) == (1, 1)
    assert unread.lines[0][0] == 1
    judged(demoted(), tmp_path, kernel(20, "something new in a later release"))
    for name in ("report.html", "report.md"):
        page = (tmp_path / "r" / name).read_text()
        assert "Not understood" in page
        assert "something new in a later release" in page


def once_master() -> Tape:
    """Record a host that is MASTER from 20 to 50 s, and another before and after."""
    tape = Tape()
    for beat in range(80):
        if 20 <= beat < 50:
            tape.advert(beat, HOST, 7)
        else:
            tape.advert(beat + 0.3, "192.0.2.2", 7, 100)
    return tape


UP, DOWN = "7@em0: BACKUP -> MASTER (x)", "7@em0: MASTER -> BACKUP (x)"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([(20, UP)], ["agrees"]),
        ([(13, UP)], ["not decidable"]),
        ([(27, UP)], ["not decidable"]),
        ([(5, UP)], ["not on the wire"]),
        ([(35, UP)], ["contradicts"]),
        ([(12, UP), (20, UP)], ["not on the wire", "agrees"]),
        ([(12, UP), (20, UP), (49.5, DOWN)], ["not on the wire", "agrees", "agrees"]),
        ([(25, UP), (54.3, DOWN)], ["agrees", "agrees"]),
        ([(25, UP), (54.3, DOWN), (20, UP)], ["agrees", "agrees", "not on the wire"]),
        ([(25, UP), (35, DOWN)], ["not decidable", "contradicts"]),
        ([(35, "7@em0: MASTER -> INIT (hardware interface down)")], ["contradicts"]),
        ([(5, DOWN)], ["not on the wire"]),
        ([(20, "8@em0: BACKUP -> MASTER (x)")], ["not decidable"]),
        ([(20, UP), (20, "7@em1: BACKUP -> MASTER (x)")], ["not decidable"] * 2),
        ([(20, "7@em0.30: BACKUP -> MASTER (x)"), (30, "7@em0.40: BACKUP -> MASTER (x)")],
         ["not decidable"] * 2),
    ],
)  # fmt: skip
def test_one_line_sets_no_clock_by_which_it_is_right(
    lines: list[tuple[float, str]], words: list[str], tmp_path: Path
) -> None:
    said = judged(once_master(), tmp_path, *(kernel(at, text) for at, text in lines))
    assert [word for word, _ in said] == words


def taken_over(begin: float = 0) -> Tape:
    """Record a node that becomes MASTER of vhid 9 after 15.1 s, 3 s after the other fell silent."""
    tape = Tape()
    for beat in range(60):
        if beat < 12:
            tape.advert(begin + beat, "192.0.2.2", 9, 100)
        if beat >= 15:
            tape.advert(begin + beat + 0.1, HOST, 9)
    return tape


CLAIM = "kernel: carp: 9@em0: BACKUP -> MASTER (master timed out)"
NAMES = (
    '[[node]]\nname = "fw1"\naddresses = ["192.0.2.1"]\n'
    '[[node]]\nname = "fw2"\naddresses = ["192.0.2.2"]\n'
)


@pytest.mark.parametrize(
    ("host", "hosts", "words"),
    [
        ("fw1", ("fw1", "fw2"), ["agrees", "not decidable"]),
        ("fw1", ("FW1.example.org", "fw2.example.org"), ["agrees", "not decidable"]),
        (HOST, ("fw1", "fw2"), ["agrees", "not decidable"]),
        ("fw1", ("192.0.2.1", "192.0.2.2"), ["agrees", "not decidable"]),
        ("fw1", ("OPNsense", "fw2"), ["not decidable", "not decidable"]),
        ("fw1", ("fw2", "fw2"), ["not decidable", "not decidable"]),
        ("fw1", ("OPNsense", "OPNsense"), ["agrees", "agrees"]),
    ],
)
def test_a_collectors_file_has_lines_of_other_hosts(
    host: str, hosts: tuple[str, str], words: list[str], tmp_path: Path
) -> None:
    """What another host says at the same second is no agreement of this one."""
    (tmp_path / "names.toml").write_text(NAMES)
    lines = [f"{stamp(15.1)} {name} {CLAIM}" for name in hosts]
    config = ("--config", str(tmp_path / "names.toml"))
    said = judged(taken_over(), tmp_path, *lines, host=host, more=config)
    assert [word for word, _ in said] == words


def test_lines_of_several_hosts_without_their_names_decide_nothing(tmp_path: Path) -> None:
    said = judged(
        taken_over(), tmp_path, *(f"{stamp(15.1)} {name} {CLAIM}" for name in ("left", "right"))
    )
    assert {word for word, _ in said} == {"not decidable"}
    assert "lines of left and right" in said[0][1]


NEW_YEAR = 1_704_067_200 - START


@pytest.mark.parametrize(
    ("at", "line", "word"),
    [
        (NEW_YEAR - 20, "Dec 31 23:59:55 fw1", "agrees"),
        (NEW_YEAR - 5, "Jan  1 00:00:10 fw1", "agrees"),
        (NEW_YEAR - 5, "2023-01-01T00:00:10Z fw1", "not decidable"),
        (NEW_YEAR - 5, "2024-01-01T01:00:10+01:00 fw1", "agrees"),
        (NEW_YEAR - 5, "2024-01-01T00:00:10+01:00 fw1", "not decidable"),
    ],
)
def test_a_year_that_ends_in_a_capture(at: float, line: str, word: str, tmp_path: Path) -> None:
    ((said, _),) = judged(taken_over(at), tmp_path, f"{line} {CLAIM}")
    assert said == word


@pytest.mark.parametrize(
    ("line", "late", "word"),
    [
        ("Oct 29 02:30:15", 0, "agrees"),
        ("Oct 29 02:30:15", 3600, "not decidable"),
        ("Oct 29 03:30:15", 7200, "agrees"),
        ("Oct 29 03:30:15", 3600, "not decidable"),
        ("2023-10-29T02:30:15+02:00", 0, "agrees"),
        ("2023-10-29T02:30:15+01:00", 3600, "agrees"),
        ("2023-10-29T02:30:15+01:00", 0, "not decidable"),
    ],
)
def test_an_hour_that_comes_twice(line: str, late: int, word: str, tmp_path: Path) -> None:
    """Berlin, 29 October 2023: 02:30:15 is 00:30:15 UTC, and an hour later once more."""
    tape = taken_over(1_698_539_400 - START + late)
    zone = ("--log-zone", "Europe/Berlin")
    ((said, _),) = judged(tape, tmp_path, f"{line} fw1 {CLAIM}", more=zone)
    assert said == word


def test_one_change_is_told_once(tmp_path: Path) -> None:
    """Three lines of the kernel within a second of one change; a script may tell it as well."""
    script = 'php-fpm[1]: Carp cluster member "192.0.2.10 - (9@em0)" has resumed the state "MASTER"'
    said = judged(
        taken_over(),
        tmp_path,
        *(f"Nov 14 22:13:{second} fw1 {CLAIM}" for second in (35, 35, 36)),
        f"Nov 14 22:13:35 fw1 {script} for vhid 9",
    )
    assert [word for word, _ in said] == ["agrees", "agrees", "not decidable", "agrees"]
    assert said[2][1] == "line 1 tells of the change that it could be"
