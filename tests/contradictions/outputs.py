"""Statements of the outputs for files: the document, the tables, the page, the screen."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from carpscope.core.units import Nanos, parse_rfc3339
from carpscope.timeline.group import group_words
from tests.contradictions.statements import GroupSays, Period, Said, Statements

Json = dict[str, Any]
_ROW = re.compile(
    r"^  (CS\d+)\s+(?:info|warning|error|critical)\s+[a-z_ ]+?\s{2,}"
    r"(\d\d:\d\d:\d\d\.\d{3}) – (\d\d:\d\d:\d\d\.\d{3})"
)
_RELATION = re.compile(r"^  (\S+) (accepts|rejects|deaf|unknown) (\S+): ")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})(?: UTC)?")


def of_document(document: Json, source: str = "JSON") -> Statements:
    """Return what an analysis document says."""
    found = Statements(source, status=document["status"])
    for group in document["groups"]:
        nodes = group["nodes"]
        found.groups[group["id"]] = GroupSays(
            frozenset(node["id"] for node in nodes),
            frozenset(
                node["id"]
                for node in nodes
                if node["states"] and node["states"][-1]["ended_by"] in (None, "", "capture")
            ),
            {
                node["id"]: tuple(Period(_at(s["start"]), _at(s["end"])) for s in node["states"])
                for node in nodes
            },
            {node["id"]: len(node["states"]) for node in nodes},
            {node["id"]: node["authentication"]["status"] for node in nodes},
            {(h["from"], h["to"]): h["relation"] for h in group["hears"]},
            group["status"],
        )
    found.findings = [_said(finding) for finding in document["findings"]]
    found.incidents = len(document["incidents"])
    found.events = Counter((event["label"], event["group"]) for event in document["events"])
    found.is_calm = not document["findings"]
    worst = [f for f in document["findings"] if f["identity"] == document["worst"]]
    found.worst = f"{worst[0]['code']} {worst[0]['group']}" if worst else ""
    return found


def of_tables(folder: Path) -> Statements:
    """Return what the CSV tables and events.jsonl of a report say."""
    found = Statements("CSV")
    for row in _rows(folder / "nodes.csv"):
        group = found.groups.setdefault(row["group"], GroupSays(frozenset(), frozenset()))
        assert group.nodes is not None and group.masters is not None  # noqa: PT018
        group.nodes |= {row["node"]}
        if row["master_at_end"] == "true":
            group.masters |= {row["node"]}
        group.counts = {**(group.counts or {}), row["node"]: int(row["master_intervals"])}
        group.authentication = {**(group.authentication or {}), row["node"]: row["authentication"]}
    periods: dict[str, dict[str, list[Period]]] = {}
    begun: dict[tuple[str, str], Nanos] = {}
    found.events = Counter()
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["kind"] == "begins":
            begun[event["group"], event["node"]] = _at(event["timestamp"])
        elif event["kind"] == "ends":
            start = begun.pop((event["group"], event["node"]))
            own = periods.setdefault(event["group"], {}).setdefault(event["node"], [])
            own.append(Period(start, _at(event["timestamp"])))
        elif event["kind"] == "event":
            found.events[event["label"], event["group"]] += 1
    for name, group in found.groups.items():
        group.periods = {
            node: tuple(periods.get(name, {}).get(node, ())) for node in group.nodes or ()
        }
    found.findings = [
        Said(
            row["code"],
            row["group"],
            tuple(row["nodes"].split()),
            _at(row["start"]),
            _at(row["end"]),
        )
        for row in _rows(folder / "findings.csv")
    ]
    return found


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        yield from csv.DictReader(stream)


class _Page(HTMLParser):
    """Tables by caption, and the facts of each finding."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.matrices: list[list[list[str]]] = []
        self.evidence: list[tuple[str, list[str]]] = []
        """Code and cells of every finding."""
        self.incidents = 0
        self.account: list[str] = []
        """The paragraphs before the time line, the verdict first."""
        self._text: list[str] | None = None
        self._section = ""
        self._caption = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "article":
            self.incidents += 1
        elif tag == "section":
            self._section = dict(attrs).get("id") or ""
        elif tag == "tr" and self._caption:
            self.tables[self._caption].append([])
        elif tag == "table":
            self._caption = ""
        if tag in ("caption", "td", "th", "b", "p"):
            self._text = []

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        text = "".join(self._text or ()).strip()
        if tag == "caption":
            self._caption = text
            self.tables[text] = []
            if text.startswith("Who hears whom"):
                self.matrices.append(self.tables[text])
        elif tag in ("td", "th", "b") and self._caption and self._text is not None:
            rows = self.tables[self._caption]
            if rows:
                rows[-1].append(text)
        elif tag == "table":
            if "vidence of CS" in self._caption:
                code = self._caption.split()[-1]
                self.evidence += [(code, row) for row in self.tables[self._caption][1:]]
            self._caption = ""
        elif tag == "p" and self._section == "summary":
            self.account.append(text)
        else:
            return
        self._text = None


def of_page(folder: Path, document: Json) -> Statements:
    """Return what report.html says; the groups' names are those of a document."""
    page = _Page()
    text = (folder / "report.html").read_text()
    page.feed(text)
    found = Statements("page")
    found.is_calm = "Nothing wrong was found." in text if document["groups"] else None
    matrices = iter(page.matrices)
    for group in document["groups"]:
        words = group_words(group["id"])
        title = words[:1].upper() + words[1:]
        nodes = page.tables[f"Nodes of {title}"][1:]
        if len(nodes) != len(group["nodes"]):  # so many nodes are not all shown
            next(matrices)
            continue
        ids = [node["id"] for node in group["nodes"]]
        said = found.groups[group["id"]] = GroupSays(
            frozenset(ids),
            frozenset(i for i, row in zip(ids, nodes, strict=True) if row[-1].startswith("MASTER")),
        )
        periods: dict[str, list[Period]] = {}
        for row in page.tables[f"MASTER intervals of {title}"][1:]:
            periods.setdefault(row[0], []).append(Period(_moment(row[1]), _moment(row[2])))
        if "more MASTER interval" not in text:
            said.periods = {node: tuple(own) for node, own in periods.items()}
            said.counts = {node: len(periods.get(node, ())) for node in ids}
        if len(ids) > 1:
            said.hears = _matrix(next(matrices), ids)
    for group in document["groups"]:
        found.groups.setdefault(group["id"], GroupSays())
    if "more finding" not in text:
        named = {group_words(f["group"]): f["group"] for f in document["findings"]}
        found.findings = [_fact(code, row, named) for code, row in page.evidence]
        found.incidents = page.incidents
        if page.incidents:
            assert page.account[0].startswith(f"{page.incidents:,} incident"), page.account[0]
    found.account = page.account[1:]
    return found


def _matrix(rows: list[list[str]], ids: list[str]) -> dict[tuple[str, str], str]:
    """Return the relations that a table shows; what was so for a time is not the end."""
    return {
        (row[0], receiver): relation
        for row in rows[1:]
        for receiver, relation in zip(ids, row[1:], strict=False)
        if relation not in ("itself", "deaf for a time")
    }


def _fact(code: str, row: list[str], named: dict[str, str]) -> Said:
    group, nodes, when = row[:3]
    end = re.search(r" – (?:[-0-9]+ )?(\d\d:\d\d:\d\d\.\d{3}) UTC", when)
    return Said(
        code,
        named.get(group),
        tuple(nodes.split(", ")) if nodes else (),
        start := _moment(when),
        _clock(end[1]) if end else start,
    )


def of_screen(text: str, document: Json) -> Statements:
    """Return what `analyze -V` says; the names of groups are those of a document."""
    lines = text.splitlines()
    found = Statements("screen")
    is_calm = "✓ Nothing wrong" in text or "; no finding" in text
    found.is_calm = is_calm if document["groups"] else None
    found.findings = [
        Said(row[1], None, None, _clock(row[2]), _clock(row[3]))
        for row in map(_ROW.match, lines)
        if row is not None
    ]
    for group in document["groups"]:
        said = found.groups[group["id"]] = GroupSays()
        ids = [node["id"] for node in group["nodes"]]
        head = next(
            (i for i, line in enumerate(lines) if line.strip().startswith(f"{group['id']}  ")), -1
        )
        if head < 0:
            continue
        rows = []
        for line in lines[head + 1 :]:
            if not line.strip():
                break
            rows.append(line)
        own = {i: line for i in ids for line in rows if re.search(rf"(^|  ){re.escape(i)}  ", line)}
        if own.keys() == set(ids):
            ends = re.compile(r"MASTER(, should be BACKUP)?$")
            said.masters = frozenset(i for i, line in own.items() if ends.search(line))
    return found


def _said(finding: Json) -> Said:
    return Said(
        finding["code"],
        finding["group"],
        tuple(finding["nodes"]),
        _at(finding["start"]),
        _at(finding["end"]),
    )


def _at(text: str) -> Nanos:
    return parse_rfc3339(text)


def _moment(text: str) -> Nanos:
    found = _MOMENT.match(text)
    assert found is not None, text
    return parse_rfc3339(f"{found[1]}T{found[2]}Z")


def _clock(text: str) -> Nanos:
    return parse_rfc3339(f"1970-01-01T{text}Z")
