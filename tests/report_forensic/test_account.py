"""The first paragraphs of a report, in nobody's jargon, and the one time line of everything."""

import json
import re
from pathlib import Path

import pytest

from carpscope.detect.engine import rules
from tests.plain import Tape
from tests.program import capture, run

SECRET = "quiet-harbour-17"
OURS = re.compile(
    r"\b(vhid|carp|master|backup|advskew|advbase|advertis\w+|hmac|ttl|preempt\w*|split.brain|demot\w+"
    r"|gratuitous|nodes?|vrrp|arp|replay\w*)\b",
    re.IGNORECASE,
)


def told(room: Path, *arguments: str) -> tuple[list[str], str]:
    """Make a report; return its account, and all of it as text."""
    done = run("report", *arguments, "-o", str(room / "r"))
    assert done.status == 0, done.err
    text = (room / "r" / "report.md").read_text()
    account = text.split("## What happened")[1].split("## Time line")[0]
    return [line for line in account.splitlines() if line][1:-1], text


def test_every_rule_of_the_wire_has_words_that_need_no_explaining() -> None:
    for rule in rules():
        assert bool(rule.plain) is (rule.watch is not None), rule.code
        assert OURS.search(rule.plain) is None, (rule.code, rule.plain)
        assert set(re.findall(r"{\w+}", rule.plain)) <= {"{who}", "{address}"}, rule.code


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        (
            "ucarp-one-way-link",
            [
                (
                    "From 2026-11-23 00:31:01 to 00:31:19 UTC (17.8 s), 192.0.2.1"
                    " and 192.0.2.2 each acted as the host in charge of 192.0.2.10."
                ),
                "For 17.8 s more than one host was in charge.",
                (
                    "192.0.2.1 and 192.0.2.2 both announced 192.0.2.10: whoever u"
                    "sed it then may have reached either of them"
                ),
                "It was over at 00:31:19 UTC.",
                "What to do, for the people who run the network between these hosts:",
                "at 2026-11-23 00:31:28 UTC: 192.0.2.1 was in charge of 192.0.2.10.",
            ],
        ),
        (
            "ucarp-replayed-advert",
            [
                "somebody sent messages of 192.0.2.1 again that had been recorded before",
                (
                    "It led to this: no host was in charge of 192.0.2.10, from 20"
                    "26-11-23 00:32:10 to 00:32:30 UTC (20.2 s)."
                ),
                "It came from 192.0.2.1 (network card 00:00:5e:00:00:01).",
                "Whoever sent to 192.0.2.10 then may have had no answer.",
            ],
        ),
        (
            "ucarp-different-addresses",
            [
                "192.0.2.10 was announced by 192.0.2.1 only.",
                "192.0.2.11 was announced by 192.0.2.2 only.",
                "It was still so when the recording ended.",
            ],
        ),
        ("ucarp-failover", ["192.0.2.2 took over 192.0.2.10 from 192.0.2.1"]),
    ],
)
def test_it_says_what_happened_to_which_address(
    name: str, sentences: list[str], tmp_path: Path
) -> None:
    account, _ = told(tmp_path, capture(name), "-p", SECRET)
    text = "\n".join(account)
    for sentence in sentences:
        assert sentence in text
    happened = [line for line in account if not line.startswith("What to do")]
    assert OURS.search("\n".join(happened)) is None


def test_what_befell_many_groups_at_once_is_told_once(tmp_path: Path) -> None:
    tape = Tape()
    for number in range(1, 13):
        own = f"10.{number}.0"
        for beat in range(40):
            tape.advert(
                beat + number / 1000, f"{own}.2", number, vlan=(number,), vips=(f"{own}.1",)
            )
            if 10 <= beat < 30:
                tape.advert(beat + 0.4, f"{own}.3", number, 9, vlan=(number,), vips=(f"{own}.1",))
        tape.announce(0.1, f"00:00:5e:00:01:{number:02x}", f"{own}.1", (number,))
    account, text = told(tmp_path, tape.write(tmp_path / "many.pcap"))
    assert len(account) == 3
    assert "10.1.0.2 and 10.1.0.3 each acted as the host in charge of 10.1.0.1" in account[0]
    assert "in 11 more groups, of 12 addresses (10.1.0.1, " in account[0]
    rows = text.split("## Time line")[1].split("## Incidents")[0]
    assert rows.count("CS101 ") == 1
    assert "alike in 11 more groups" in rows


def test_nodes_and_logs_stand_in_one_time_line(tmp_path: Path) -> None:
    log = tmp_path / "fw2.log"
    log.write_text(
        "2026-11-23T00:30:10.000000: [INFO] Local advertised ethernet address is [x]\n"
        "2026-11-23T00:31:01.298000: [WARNING] Switching to state: MASTER\n"
        "2026-11-23T00:31:19.057000: [WARNING] Switching to state: BACKUP\n"
        "2026-11-24T00:31:19.057000: [WARNING] Switching to state: MASTER\n"
    )
    _, text = told(
        tmp_path, capture("ucarp-one-way-link"), "--log", f"192.0.2.2={log}",
        "--timezone", "+05:30",
    )  # fmt: skip
    table = text.split("## Time line")[1].split("## Incidents")[0]
    rows = [row.split(" | ") for row in table.splitlines() if row.startswith("| 0")]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert all(row[1].endswith("+05:30") for row in rows)
    lines = [row for row in rows if "fw2.log:" in row[3]]
    assert [row[0] for row in lines] == ["| 00:31:01.298", "| 00:31:19.057"]
    assert 0 < rows.index(lines[0]) < rows.index(lines[1])
    assert "from outside of the captures' time" in text.replace("\\", "")
    happened = [
        json.loads(line) for line in (tmp_path / "r" / "events.jsonl").read_text().splitlines()
    ]
    assert sum(one["kind"] == "log" for one in happened) >= 3


@pytest.mark.parametrize("zone", ["Mars/Olympus", "+99:00", "../../etc/passwd", "", "\x1b[31m"])
def test_a_zone_that_nobody_knows_is_one_line(zone: str, tmp_path: Path) -> None:
    done = run("report", capture("ucarp-failover"), "-o", str(tmp_path / "r"), "--timezone", zone)
    assert done.status == 2
    assert len(done.err.splitlines()) == 1
    assert "--timezone" in done.err
    assert "\x1b" not in done.err
    assert not (tmp_path / "r").exists()


def test_hosts_have_their_names_and_addresses(tmp_path: Path) -> None:
    config = tmp_path / "carpscope.toml"
    config.write_text('[[node]]\nname = "fw1"\naddresses = ["192.0.2.1"]\n')
    account, _ = told(tmp_path, capture("ucarp-one-way-link"), "--config", str(config))
    assert "fw1 (192.0.2.1) and 192.0.2.2 each acted as" in account[0]
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert manifest["options"]["names"] == {"192.0.2.1": "fw1"}
