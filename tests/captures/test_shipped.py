"""Every shipped capture says what is known about it: bytes, counts, HMACs, what happened.

The labels in `capture.json` come from what was done and from the programs' own logs, never
from the packets, so they do not share our mistakes.
"""

import datetime as dt
import functools
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from carpscope.detect.engine import rules
from tests.program import CAPTURES, run

NAMES = sorted(path.parent.name for path in CAPTURES.glob("*/about.toml"))
FOUND = {rule.label for rule in rules()}
EVENTS = {"failover", "clean_handover", "preemption", "demotion"}
SLACK = 2.0
"""Seconds between what a log says and what the wire shows: ucarp looks once a second."""

Json = dict[str, Any]


@functools.cache
def about(name: str) -> Json:
    return tomllib.loads((CAPTURES / name / "about.toml").read_text())


@functools.cache
def truth(name: str) -> Json:
    data: Json = json.loads((CAPTURES / name / "capture.json").read_text())
    return data


def path(name: str) -> Path:
    file: str = about(name)["capture"]["file"]
    return CAPTURES / name / file


def candidates(name: str) -> list[str]:
    words = [f"--passphrase={text}" for text in truth(name)["passphrases"]]
    return words + [f"--address={text}" for text in about(name)["addresses"]]


@functools.cache
def analysis(name: str) -> Json:
    result = run("analyze", "--json", "--digest", str(path(name)), *candidates(name))
    judged = (0, 1) if about(name)["capture"]["advertisements"] else (2,)
    assert result.status in judged, result.err
    data: Json = json.loads(result.out)
    return data


@functools.cache
def packets(name: str) -> list[Json]:
    result = run("dissect", "--json", str(path(name)), *candidates(name))
    assert (result.status, result.err) == (0, "")
    return [json.loads(line) for line in result.out.splitlines()]


def epoch(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def overlaps(item: Json, label: Json) -> bool:
    start, end = epoch(item["start"]), epoch(item["end"])
    before, after = float(label["start_epoch"]), float(label["end_epoch"])
    return start <= after + SLACK and before <= end + SLACK


def test_there_are_captures() -> None:
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_bytes_are_those_described(name: str) -> None:
    data = path(name).read_bytes()
    described = about(name)["capture"]
    assert hashlib.sha256(data).hexdigest() == described["sha256"]
    assert len(data) == described["bytes"]
    evidence = analysis(name)["evidence"][0]
    assert evidence["sha256"] == described["sha256"]
    assert evidence["bytes"] == described["bytes"]
    assert evidence["packets"] == described["packets"]
    assert evidence["notes"] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_advertisement_is_found_and_no_vrrp_is_taken_for_one(name: str) -> None:
    described = about(name)["capture"]
    kinds = [packet["protocol"] for packet in packets(name)]
    assert kinds.count("carp") == described["advertisements"]
    assert kinds.count("vrrp") == described["vrrp_advertisements"]
    assert kinds.count("carp") + kinds.count("vrrp") == len(kinds)
    assert analysis(name)["evidence"][0]["advertisements"] == described["advertisements"]
    routers = {n.get("address") for n in about(name).get("node", []) if "vrrp_version" in n}
    senders = {p["source"] for p in packets(name) if p["protocol"] == "carp"}
    assert not routers & senders


def signers(name: str) -> dict[tuple[str, int], list[tuple[str, list[str]]]]:
    """What each address and vhid signs with, one after the other: passphrase and addresses."""
    found: dict[tuple[str, int], list[tuple[str, list[str]]]] = {}
    for node in truth(name)["nodes"]:
        for vhid in node.get("vhids", [node]):
            if "passphrase" in vhid:
                number = vhid.get("vhid", 1)
                way = (vhid["passphrase"], vhid["addresses"])
                found.setdefault((node["ip"], number), []).append(way)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_hmac_verdict_agrees(name: str) -> None:
    known = signers(name)
    numbers = {text: n for n, text in enumerate(truth(name)["passphrases"], 1)}
    checked = 0
    for packet in packets(name):
        if packet["protocol"] != "carp":
            continue
        verdict = packet["authentication"]
        assert verdict["status"] == "verified", packet["number"]
        expected = known.get((packet["source"], packet["vhid"]))
        if expected is not None:
            ways = [(numbers[word], sorted(addresses)) for word, addresses in expected]
            assert (verdict["passphrase"], sorted(verdict["addresses"])) in ways
            checked += 1
    assert checked or not about(name)["capture"]["advertisements"]


@pytest.mark.parametrize("name", NAMES)
def test_no_hmac_verifies_with_another_passphrase(name: str) -> None:
    lines = run("dissect", "--json", "-c", "2", str(path(name)), "-p", "another").out.splitlines()
    verdicts = [json.loads(line).get("authentication") for line in lines]
    assert all(verdict is None or verdict["status"] == "failed" for verdict in verdicts)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_known_is_found(name: str) -> None:
    report = analysis(name)
    for label in truth(name)["truth"]:
        word = label["label"]
        if label.get("optional") or not label.get("observable", True):
            continue
        where = report["findings"] if word in FOUND else report["events"]
        if word in FOUND | EVENTS:
            fitting = [item for item in where if item["label"] == word and overlaps(item, label)]
            assert fitting, f"{word} is not found"
            vhid = label.get("vhid")  # a link has none
            groups = {item["group"].split("/")[-1] for item in fitting}
            assert vhid is None or f"vhid{vhid}" in groups


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_is_found(name: str) -> None:
    known = {label["label"] for label in truth(name)["truth"]}
    report = analysis(name)
    # a remark about announcements is true here and there; the recorder does not label it
    assert {item["label"] for item in report["findings"]} <= known | {"stale_arp"}
    wrong = any(item["severity"] != "info" for item in report["findings"])
    status = run("analyze", "-q", str(path(name)), *candidates(name)).status
    is_judged = about(name)["capture"]["advertisements"] > 0
    assert status == (int(wrong) if is_judged else 2)


def test_the_packet_of_the_freebsd_article() -> None:
    capture = str(path("freebsd-article"))
    result = run("dissect", "-p", "randompass", "-a", "192.168.1.50", capture)
    assert result.out == (
        "00:00:00.000000 192.168.1.2 > 224.0.0.18 CARPv2 vhid 1 adv 1/0 demote 0 "
        "counter 10009968722567644910 hmac ✓ #1\n"
    )
    packet = packets("freebsd-article")[0]
    assert packet["hmac"] == "fb7f7879a6498338bee8bdf427c2b3c3a3c23fd0"
    assert packet["checksum"] == "0x04bd"
    assert packet["checksum_ok"] is True


def test_a_mistaken_passphrase_or_address_is_named() -> None:
    capture = str(path("freebsd-article"))
    typed = run("dissect", "-p", "randompass ", "-a", "192.168.1.50", capture).out
    assert "hmac ✓ #1 (" in typed
    moved = run("dissect", "-p", "randompass", "-a", "192.168.2.50", capture).out
    assert "hmac ✓ #1 over 192.168.1.50, which nobody gave" in moved
