"""Every time, span, count and address in a finding's sentences comes from what was captured.

Read are the sentences of every recording here, by somebody who knows only the document and the
bytes of the capture: a number that is written down and not computed is found by its being wrong.
"""

import ipaddress
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carpscope.core.units import SECOND, Nanos, parse_rfc3339, span_text
from tests.contradictions.test_contradictions import CASES, DATA
from tests.program import run
from tests.score.__main__ import secrets

pytestmark = pytest.mark.slow

Json = dict[str, Any]
CLOCK = r"\d\d:\d\d:\d\d(?:\.\d{3})?"
SPAN = re.compile(rf"from ({CLOCK}) to ({CLOCK}) UTC \(([^)]*)\)")
TIME = re.compile(rf"(?<![\w:])({CLOCK})(?![\w:])")
COUNT = re.compile(r"\b(\d[\d,]*) (?:times|advertisements|requests|answers|copies|frames)\b")
ADDRESS = re.compile(r"(?<![\w.:/])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.])")
MAC = re.compile(r"(?<![\w:])[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?![\w:])")
SAID_BY_THE_PROTOCOL = {"224.0.0.18"}
DAY: Nanos = 86_400 * SECOND


def document(path: Path, mode: str) -> Json:
    """Analyze a recording with the secrets that its label file names, or without."""
    labels = path.with_suffix(".json")
    words: list[str] = []
    if mode == "full" and labels.exists():
        config = secrets(json.loads(labels.read_text()), mode)
        words = [word for key in config.passphrases for word in ("-p", key.decode())]
    found: Json = json.loads(run("analyze", "--json", *words, str(path)).out)
    return found


def moment(text: str) -> Nanos:
    """Return a time of day."""
    hours, minutes, rest = text.split(":")
    return (int(hours) * 3600 + int(minutes) * 60) * SECOND + round(float(rest) * SECOND)


def wrong(finding: Json, taken: Json, data: bytes) -> Iterator[str]:
    """Give what the sentences of a finding say and the capture does not hold."""
    text = " ".join((finding["summary"], finding["explanation"], finding["remedy"]))
    first, last = parse_rfc3339(taken["first"]), parse_rfc3339(taken["last"])
    for since, until, span in SPAN.findall(text):
        length = (moment(until) - moment(since)) % DAY
        near = {span_text(max(0, length + off * SECOND // 1000)) for off in range(-60, 61, 2)}
        if span not in near:
            yield f"{span} is not from {since} to {until}"
    for at in TIME.findall(text):
        after = (moment(at) - first + 5 * SECOND) % DAY
        if after > last - first + 10 * SECOND:
            yield f"{at} is not within the capture"
    for number in COUNT.findall(text):
        if int(number.replace(",", "")) > taken["packets"]:
            yield f"{number} of something, in {taken['packets']} packets"
    for address in set(ADDRESS.findall(text)) - SAID_BY_THE_PROTOCOL:
        if ipaddress.ip_address(address).packed not in data and address not in str(
            finding["nodes"]
        ):
            yield f"{address} is nowhere in the capture"
    for mac in MAC.findall(text):
        if bytes.fromhex(mac.replace(":", "")) not in data:
            yield f"{mac} is nowhere in the capture"


@pytest.mark.parametrize("mode", ["full", "keyless"])
def test_no_sentence_says_what_was_not_captured(mode: str) -> None:
    told, found = 0, []
    for name in CASES:
        path = DATA / name
        taken = document(path, mode)
        for finding in taken["findings"]:
            told += 1
            found += [
                f"{name} {finding['code']}: {text}"
                for text in wrong(finding, taken["evidence"][0], path.read_bytes())
            ]
    assert not found, "\n".join(found)
    assert told > 60, "there is something to read"


def test_what_is_made_up_is_found() -> None:
    taken = {"first": "2026-01-01T10:00:00Z", "last": "2026-01-01T10:01:00Z", "packets": 40}
    finding: Json = {
        "summary": "10.0.0.9 and 02:00:00:00:00:77 sent 41 advertisements",
        "explanation": "from 10:00:01.000 to 10:00:05.000 UTC (9.0 s), and at 11:30:00.000",
        "remedy": "",
        "nodes": [],
    }
    assert len(list(wrong(finding, taken, b""))) == 5
    finding["summary"], finding["explanation"] = "", "from 10:00:01.000 to 10:00:05.000 UTC (4.0 s)"
    assert list(wrong(finding, taken, b"")) == []
