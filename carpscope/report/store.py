"""What a live run keeps: every event in an SQLite file, as long as it is not too old.

The schema is a promise (docs/live.md): one row an event, its object as the JSON of a line of
`live --json`, and the columns that are asked for beside it.
"""

import contextlib
import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from carpscope.core.errors import CarpscopeError
from carpscope.core.files import open_to_write
from carpscope.core.units import SECOND, Nanos
from carpscope.report.line import Json
from carpscope.report.record import EventRecord

VERSION = 1
DAYS = 90
DAYS_MAX = 36_500
PRUNE_EVERY = 1_000
"""Events between two looks at what is too old."""
APPLICATION = 0x43415250
"""`CARP`, by which the file is told from other databases."""
_BUSY_S = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  event_type TEXT NOT NULL,
  action TEXT NOT NULL,
  severity TEXT NOT NULL,
  interface TEXT,
  "group" TEXT,
  vhid INTEGER,
  state TEXT,
  identity TEXT,
  message TEXT NOT NULL,
  is_part INTEGER NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS event_at ON event (at);
CREATE TABLE IF NOT EXISTS open (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  document TEXT NOT NULL
);
"""
MAGIC = b"SQLite format 3\0"
"""What such a file begins with."""

_ASK = """
SELECT at, is_part, document FROM (
  SELECT id, at, is_part, document FROM event
  WHERE (:since IS NULL OR at >= :since)
    AND (:until IS NULL OR at < :until)
    AND (:kinds = ',,' OR instr(:kinds, ',' || event_type || ','))
    AND (:severities = ',,' OR instr(:severities, ',' || severity || ','))
    AND (:group IS NULL OR "group" = :group OR vhid = :vhid)
  ORDER BY id DESC LIMIT :newest
) ORDER BY id
"""


class Kept(NamedTuple):
    """One event of the file."""

    at: Nanos
    is_part: bool
    """Whether a person is told something else in its place: an incident, or its one finding."""
    document: Mapping[str, Json]


class EventQuery(NamedTuple):
    """Which events are asked for; None and empty are all."""

    since: Nanos | None = None
    until: Nanos | None = None
    kinds: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    group: str | None = None
    """Its name, or the number of its vhid."""
    newest: int | None = None
    """Only so many, the newest."""


class Store:
    """An open file, for one run."""

    attempts = 1

    def __init__(self, path: str, days: int = DAYS) -> None:
        """Open it, make it where it is not there. Raises CarpscopeError or OSError."""
        self.name = f"store {path}"
        self._keep: Nanos = days * 86_400 * SECOND
        os.close(open_to_write(path, append=True))  # no link, root's own, mode 0640
        self._file = _connected(path, writes=True)
        self._since_pruned = 0

    def send(self, record: EventRecord) -> None:
        """Keep one event."""
        document = record.document()
        body = document.get(record.kind)
        identity = body.get("identity") if isinstance(body, dict) else None
        row = (
            record.at,
            record.kind,
            record.action,
            record.severity.value,
            *(document[key] for key in ("interface", "group", "vhid", "state")),
            identity,
            document["message"],
            record.is_part,
            json.dumps(document, ensure_ascii=False, separators=(",", ":")),
        )
        try:
            with self._file:
                self._file.execute(
                    'INSERT INTO event (at, event_type, action, severity, interface, "group",'
                    " vhid, state, identity, message, is_part, document)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
                if self._since_pruned % PRUNE_EVERY == 0:
                    oldest = record.at - self._keep
                    self._file.execute("DELETE FROM event WHERE at < ?", (oldest,))
                self._since_pruned += 1
        except sqlite3.Error as problem:
            raise OSError(0, str(problem)) from None

    def close(self) -> None:
        """Let go."""
        self._file.close()


def is_store(path: Path) -> bool:
    """Tell a file of SQLite from others by its first bytes. Raises OSError."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def keep_open(path: str, document: Mapping[str, Json]) -> None:
    """Keep what is open, beside the events and in the place of what was. Raises OSError."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        with contextlib.closing(_connected(path, writes=True)) as file, file:
            file.execute("INSERT OR REPLACE INTO open (id, document) VALUES (1, ?)", (text,))
    except (CarpscopeError, sqlite3.Error) as problem:
        raise OSError(0, str(problem)) from None


def kept_open(path: str) -> object:
    """Return what was open when it was kept; None before. Raises CarpscopeError."""
    with contextlib.closing(_connected(path, writes=False)) as file:
        try:
            found = file.execute("SELECT document FROM open").fetchone()
            return json.loads(found[0]) if found is not None else None
        except (sqlite3.Error, ValueError) as problem:
            raise CarpscopeError(f"{path}: {problem}") from None


def kept(path: str, wish: EventQuery) -> Iterator[Kept]:
    """Give the events of a file, in the order in which they were told. Raises CarpscopeError."""
    group = wish.group
    values = {
        "since": wish.since,
        "until": wish.until,
        "kinds": f",{','.join(wish.kinds)},",
        "severities": f",{','.join(wish.severities)},",
        "group": group,
        "vhid": int(group) if group is not None and re.fullmatch(r"[0-9]{1,3}", group) else -1,
        "newest": -1 if wish.newest is None else wish.newest,
    }
    with contextlib.closing(_connected(path, writes=False)) as file:
        try:
            for at, is_part, document in file.execute(_ASK, values):
                yield Kept(at, bool(is_part), json.loads(document))
        except (sqlite3.Error, ValueError) as problem:
            raise CarpscopeError(f"{path}: {problem}") from None


def _connected(path: str, *, writes: bool) -> sqlite3.Connection:
    try:
        if not writes and not Path(path).is_file():
            raise CarpscopeError(f"{path}: no such file")
        way = "rw" if writes else "ro"
        uri = f"{Path(path).resolve().as_uri()}?mode={way}"
        file = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, check_same_thread=False)
        known = file.execute("PRAGMA application_id").fetchone()[0]
        version = file.execute("PRAGMA user_version").fetchone()[0]
        is_new = not file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if known != APPLICATION and not (writes and is_new):
            raise CarpscopeError(f"{path}: is a database of another program")
        if version > VERSION:
            raise CarpscopeError(f"{path}: was made by a later version of carpscope")
        if writes:
            file.execute("PRAGMA journal_mode = WAL")  # who reads it does not stop who writes
            file.execute("PRAGMA synchronous = NORMAL")
            file.execute(f"PRAGMA application_id = {APPLICATION}")
            file.execute(f"PRAGMA user_version = {VERSION}")
            file.executescript(_SCHEMA)
    except sqlite3.Error as problem:
        raise CarpscopeError(f"{path}: {problem}") from None
    return file
