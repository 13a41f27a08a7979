"""What is fuzzed: each parser as a function of bytes that may do anything but raise.

Nothing here knows of a fuzzer, so the suite puts the same functions to the corpus and to
every input that once broke one (tests/fuzz/found).
"""

import contextlib
import gzip
import io
import json
import struct
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import zstandard

from carpscope.auth.effort import Effort
from carpscope.capture.source import Capture, open_capture
from carpscope.config import Config
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.units import SECOND
from carpscope.detect.configured import DeclaredContext
from carpscope.detect.configured_engine import findings
from carpscope.live.memory import load
from carpscope.live.monitor import Monitor
from carpscope.pipeline import analyze
from carpscope.report.console import Paper
from carpscope.report.document import document
from carpscope.report.forensic.verify import verify
from carpscope.report.hostlog.clock import LogClock
from carpscope.report.hostlog.read import read_log
from carpscope.report.screen import Screen
from carpscope.report.sign import read_public, read_signature
from carpscope.settings.carpscope_toml import read_config
from carpscope.settings.cluster import cluster
from carpscope.settings.read import read_node
from carpscope.settings.source import NodeFiles, Source
from carpscope.settings.system import systems
from carpscope.sim import scenario
from tests.fuzz import conversations, packets
from tests.fuzz.frames import LINK_TYPES
from tests.program import CAPTURES, ROOT
from tests.wire import samples

Target = Callable[[bytes], None]

FRAMES_MAX = 200_000
"""Of one input: a bomb is looked at in test_bounds, here it would only be slow."""
_CONFIG = Config((b"quiet-harbour-17", b""), (bytes((192, 0, 2, 10)),))
_EFFORT = 5_000
"""Digests: an analysis may search longer than a fuzzer wants to wait."""


def frame(data: bytes) -> None:
    """Decode and print one frame; before it a byte that says of which link type, and one more."""
    if len(data) < 2:
        return
    link = LINK_TYPES[data[0] % len(LINK_TYPES)]
    taken = Frame(1, 0, link, data[2:], len(data) - 2 + data[1])
    _, problem = packets.look(taken, in_full=True)
    assert problem is None, problem


def capture(data: bytes) -> None:
    """Read a file to its end, whatever it is, and what there is to say of it."""
    _read(data)


def squeezed(data: bytes) -> None:
    """Read a gzip or zstd file; a first byte of noise chooses what is done to the rest."""
    if not data:
        return
    inner = data[1:]
    if data[0] % 4 == 1:
        inner = gzip.compress(inner, 1, mtime=0)
    elif data[0] % 4 == 2:
        inner = zstandard.ZstdCompressor(level=1).compress(inner)
    _read(inner)


def _read(data: bytes) -> None:
    try:
        opened = open_capture("-", stdin=io.BytesIO(data))
    except CarpscopeError as problem:
        _one_line(problem)
        return
    for one in islice(opened, FRAMES_MAX):
        assert len(one.data) <= 262_144
    _described(opened)


def _described(opened: Capture) -> None:
    assert all(note.isprintable() for note in opened.notes)
    assert opened.link_types is not None
    assert opened.packets >= 0


def _one_line(problem: Exception) -> None:
    assert "\n" not in str(problem), problem


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="carpscope-fuzz-"))


def _file(data: bytes, name: str) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def config(data: bytes) -> None:
    """Read a carpscope.toml."""
    try:
        read_config(str(_file(data, "carpscope.toml")))
    except CarpscopeError as problem:
        _one_line(problem)


def log(data: bytes) -> None:
    """Read a host's log."""
    clock = LogClock(near=1_700_000_000 * SECOND)
    try:
        found = read_log(str(_file(data, "host.log")), "", "host.log", clock)
    except CarpscopeError as problem:
        _one_line(problem)
        return
    assert found.lines >= 0
    for entry in found.entries:
        assert entry.line >= 1


def story(data: bytes) -> None:
    """Read a scenario, JSON or TOML."""
    text = data.decode("utf-8", "replace")
    try:
        scenario.parse(text, "scenario")
    except CarpscopeError as problem:
        _one_line(problem)


def state(data: bytes) -> None:
    """Read the state file of a live run."""
    try:
        load(_file(data, "state.json"))
    except CarpscopeError as problem:
        _one_line(problem)


def keys(data: bytes) -> None:
    """Read a public key and a signature."""
    try:
        read_public(data, "key")
    except CarpscopeError as problem:
        _one_line(problem)
    with contextlib.suppress(ValueError):  # `verify` says it in words
        read_signature(data.decode("utf-8", "replace"))


def report(data: bytes) -> None:
    """Check a report whose manifest somebody else wrote."""
    folder = _folder() / "report"
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_bytes(data)
    try:
        answer = verify(folder, (), [])
    except CarpscopeError as problem:
        _one_line(problem)
        return
    for remark in answer.remarks:
        assert f"{remark.what}{remark.detail}".isprintable()


def whole(data: bytes) -> None:
    """Analyze a capture and print all that is known of it."""
    try:
        opened = open_capture("-", stdin=io.BytesIO(data))
        found = analyze([opened], _CONFIG, count=500, effort=Effort(_EFFORT))
    except CarpscopeError as problem:
        _one_line(problem)
        return
    text = json.dumps(document(found, _CONFIG), allow_nan=False)
    assert json.loads(text)["schema"]
    out = io.StringIO()
    Screen(Paper(file=out, width=100), _CONFIG, details=True).show(found)
    shown = out.getvalue().replace("\n", "")
    assert shown.isprintable()


def live(data: bytes) -> None:
    """Watch frames as they would come from an interface, with time passing between them."""
    monitor = Monitor(Config(), "span0")
    monitor.observer.effort.total = _EFFORT
    at = 1_700_000_000 * SECOND
    for one in woven(data):
        at += one.wire_length * SECOND // 64
        monitor.see(one._replace(at=at, wire_length=65535))
        if one.number % 4 == 0:
            monitor.look(at - SECOND // 4)
            list(monitor.taken_news())
    monitor.look(at + 600 * SECOND)
    monitor.finish()


def woven(data: bytes) -> Iterator[Frame]:
    """Weave bytes into frames: which template, how long to wait, and bytes to write into it.

    Seven bytes a frame: `which | wait | place value | place value | skip`. The `wait` is given
    as the length on the wire.
    """
    pool = _pool()
    for number in range(min(len(data) // 7, 60)):
        which, wait, *edits, _ = data[number * 7 : number * 7 + 7]
        made = bytearray(pool[which % len(pool)])
        for place, value in zip(edits[::2], edits[1::2], strict=True):
            if place < len(made):
                made[place] = value
        yield Frame(number + 1, 0, 1, bytes(made), wait)


@cache
def _pool() -> list[bytes]:
    frames = list(samples.SAMPLES.values())
    for path in sorted(CAPTURES.glob("ucarp-*/capture.pcap")):
        frames += [one.data for one in samples.read_pcap(path)[3:40:4]]
    return frames[:256]


SETTINGS = sorted({kind for system in systems() for kind in system.kinds})
_JUDGED_MAX = 4000
"""What is larger is read only: rules compare members of groups with each other."""


def settings(data: bytes) -> None:
    """Read a configuration file of a kind that a first byte chooses, and judge it alone."""
    if not data:
        return
    kind = SETTINGS[data[0] % len(SETTINGS)]
    text = data[1:].decode("utf-8", "replace")
    source = Source(kind, kind, data[1:], None, text, kind=kind)
    if kind.endswith(".if"):
        source.relative = f"{'hostname' if kind.startswith('open') else 'ifconfig'}.carp0"
    with contextlib.suppress(CarpscopeError):
        node = read_node(NodeFiles("fw1", is_named=True, sources=[source]))
        if len(data) <= _JUDGED_MAX:
            files = [NodeFiles("fw1", is_named=True, sources=[source])]
            findings(DeclaredContext(cluster([node]), files))


TARGETS: dict[str, Target] = {
    "frame": frame,
    "capture": capture,
    "squeezed": squeezed,
    "config": config,
    "settings": settings,
    "log": log,
    "story": story,
    "state": state,
    "keys": keys,
    "report": report,
    "whole": whole,
    "live": live,
    "conversation": conversations.conversation,
}


def corpus(name: str) -> Iterator[bytes]:
    """Give inputs to begin with."""
    captures = sorted(CAPTURES.glob("*/capture.pcap"))
    match name:
        case "frame":
            for data in [*samples.SAMPLES.values(), *samples.mirrors(samples.F1).values()]:
                yield b"\1\0" + data
            for path in captures:
                yield from (b"\1\0" + one.data for one in samples.read_pcap(path)[:3])
        case "capture" | "whole":
            for path in captures:
                yield path.read_bytes()[: 24 + 60 * 90 if name == "whole" else 700]
            yield _pcapng()
        case "squeezed":
            for path in captures[:4]:
                short = path.read_bytes()[:500]
                yield b"\1" + short
                yield b"\2" + short
                yield b"\0" + gzip.compress(short, mtime=0) * 2
                yield b"\0" + zstandard.ZstdCompressor(write_checksum=True).compress(short)
        case "config":
            yield _CONFIG_TEXT.encode()
            yield (ROOT / "docs/contrib/carpscope.toml").read_bytes()
        case "settings":
            for path in sorted((ROOT / "tests/data/check").glob("*.conf")):
                for text in path.read_text().split("\n== ")[1:]:
                    name, _, body = text.partition("\n")
                    kind = next((n for n, k in enumerate(SETTINGS) if _fits(k, name)), 0)
                    yield bytes((kind,)) + body.encode()
        case "log":
            yield _LOG_TEXT.encode()
            yield gzip.compress(_LOG_TEXT.encode(), mtime=0)
        case "story":
            for path in sorted((ROOT / "carpscope/sim").rglob("*.toml")):
                yield path.read_bytes()
            yield json.dumps(tomllib.loads(_STORY_TEXT)).encode()
            yield _STORY_TEXT.encode()
        case "state":
            yield _STATE_TEXT.encode()
        case "keys":
            yield from _keys()
        case "report":
            yield _MANIFEST_TEXT.encode()
        case "conversation":
            ways = len(conversations.WAYS)
            yield from (bytes((n, n % ways, n // 3 % ways)) for n in range(40))
        case "live":
            yield bytes(range(70))
            yield b"".join(bytes((which, 64, 43, 100, 0, 0, 0)) for which in range(40))


def _fits(kind: str, name: str) -> bool:
    """Tell whether a file's name is that of a kind, near enough to begin with."""
    last = name.rpartition("/")[2]
    return last.partition(".")[0] in kind or last in kind


def _pcapng() -> bytes:
    from tests.capture import builder

    return b"".join(
        (
            builder.section(),
            builder.interface(resolution=9, offset=5),
            builder.enhanced(samples.F1, 10**18, options=builder.option(1, b"hm")),
            builder.simple(samples.F2),
            builder.obsolete(samples.F5, 7),
            builder.statistics(0, ifdrop=3),
        )
    )


def _keys() -> Iterator[bytes]:
    from carpscope.report.sign import generate, public_of, public_pem, sign

    key = generate()
    public = public_of(key)
    yield public.line.encode()
    yield public_pem(public)
    yield sign(b"message", key).encode()
    yield struct.pack("!I", 3)


_CONFIG_TEXT = """\
passphrases = ["quiet-harbour-17"]
addresses = ["192.0.2.10", "2001:db8::1"]
[[node]]
name = "fw1"
addresses = ["192.0.2.1"]
[[group]]
vhid = 1
vlan = [10]
name = "LAN"
nodes = ["fw1"]
[tolerances]
close_after = 30.5
ignore = ["CS103"]
[live]
interfaces = ["eth1"]
metrics = "127.0.0.1:9112"
"""

_LOG_TEXT = """\
Nov 23 00:31:02 fw1 kernel: carp: 1@em0: BACKUP -> MASTER (master timed out)
<6>1 2026-11-23T00:31:02.5+01:00 fw1 kernel - - [a b="c"] carp: demoted by 240 to 240 (em0 down)
2026-11-23 00:31:02,123 +0100 carp0: state transition: BACKUP -> MASTER
Mon Nov 23 00:31:02 CET 2026
em0: flags=8943<UP,BROADCAST> metric 0 mtu 1500
\tcarp: MASTER vhid 1 advbase 1 advskew 0
Nov 23 00:31:03 fw2 ucarp[12]: [WARNING] Switching to state: MASTER
Nov 23 00:31:03 fw2 ucarp[12]: Bad digest - md2=[..]
Nov 23 00:31:04 fw3 /bsd: carp: em0 demoted group carp by 1 to 1 (carpdev)
Nov 23 00:31:04 fw3 /bsd: carp1: incorrect hash
"""

_STORY_TEXT = """\
duration = 20
vhid = 1
passphrase = "secret"
addresses = ["10.0.0.100"]
[[nodes]]
name = "fw1"
impl = "openbsd"
[[nodes]]
name = "fw2"
impl = "freebsd13"
advskew = 100
[lan]
delay_us = 100
[[events]]
t = 5
type = "crash"
node = "fw1"
[[events]]
t = 9
type = "loss"
src = ["fw1"]
dst = ["fw2"]
prob = 0.5
"""

_STATE_TEXT = """\
{"schema": "carpscope.live/1", "saved": "2026-11-23T00:00:00.000000Z", "open": [
 {"interface": "eth1", "identity": "CS101-1", "opened": "2026-11-23T00:00:00.000000Z",
  "moved": "2026-11-23T00:00:00.000000Z", "code": "CS101", "label": "split_brain",
  "severity": "critical", "confidence": 0.99, "group": "vhid1", "nodes": ["a", "b"],
  "start": "2026-11-23T00:00:00.000000Z", "end": "2026-11-23T00:00:00.000000Z",
  "frame_count": 3, "summary": "s", "explanation": "e", "remedy": "r", "caused_by": [],
  "ongoing": true}]}
"""

_MANIFEST_TEXT = """\
{"schema": "carpscope.manifest/1", "outputs": [{"name": "report.md", "sha256": "00", "bytes": 1}],
 "inputs": [{"name": "a.pcap", "sha256": "00", "bytes": 1}], "signer": null}
"""
