"""No input makes work grow faster than its size, nor memory beyond what is said here.

Work is counted in calls, which is the same on every machine; `python -m tests.fuzz.shapes`
measures time. Memory is the peak of what Python took.
"""

import sys
import tracemalloc
from pathlib import Path

import pytest

from carpscope.core.errors import CarpscopeError
from carpscope.core.toml import DOTS_LIMIT, SIZE_LIMIT, read_toml
from carpscope.live import memory
from carpscope.report.forensic import verify
from carpscope.report.hostlog import read
from carpscope.report.hostlog.clock import LogClock
from carpscope.settings.carpscope_toml import read_config
from carpscope.sim import scenario
from tests.fuzz.shapes import SHAPES
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.slow

MIB = 1 << 20
MEMORY = {
    "capture": 4 * MIB,  # a block of the file, and the largest block of pcapng
    "squeezed": 4 * MIB,
    "log": 4 * MIB,  # and 20,000 entries
    "config": 20 * MIB,
    "settings": 64 * MIB,
    "story": 20 * MIB,
    "state": memory.SIZE_LIMIT + 16 * MIB,
    "report": verify.MANIFEST_LIMIT + 16 * MIB,
    "whole": 16 * MIB,
}


def calls(name: str, data: bytes) -> int:
    """Count the calls that an input causes."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        TARGETS[SHAPES[name].target](data)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", SHAPES)
def test_work_grows_no_faster_than_the_input(name: str) -> None:
    target, made, size = SHAPES[name]
    small, large = made(size // 4), made(size)
    TARGETS[target](small)  # imports and caches are no work of it
    assert calls(name, large) <= 1.3 * calls(name, small) * len(large) / len(small) + 5000


@pytest.mark.parametrize("name", SHAPES)
def test_memory_has_a_bound_whatever_the_size(name: str) -> None:
    data = SHAPES[name].made(SHAPES[name].size // 2)
    TARGETS[SHAPES[name].target](data)
    tracemalloc.start()
    try:
        TARGETS[SHAPES[name].target](data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY[SHAPES[name].target]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"a{'.a' * (DOTS_LIMIT + 1)} = 1", "x.toml:1: more than 2,000 dots in a line"),
        (f"\na = {'[' * 5000}", "x.toml: is nested too deeply"),
        (f"a = {'{a=' * 5000}", "x.toml: is nested too deeply"),
        (f"a = {'1' * 5000}", "x.toml: holds a number that is too long"),
        (f"a = 0x{'f' * 5000}\nb = [", "x.toml: "),
        ("#" * (SIZE_LIMIT + 1), "x.toml: is larger than 1 MiB"),
        ("a = 1\na = 2", "x.toml: Cannot overwrite a value"),
    ],
)
def test_toml_that_tomllib_would_stumble_over(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(CarpscopeError) as caught:
        read_toml(text, "x.toml")
    assert str(caught.value).startswith(told)
    path = tmp_path / "x.toml"
    path.write_text(text)
    for reads in (lambda: read_config(str(path)), lambda: scenario.load(path)):
        with pytest.raises(CarpscopeError) as caught:
            reads()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"duration": ' + "1" * 5000 + "}", "a number that is too long"),
        ('{"nodes": [{"name": "\\ud800"}]}', "nodes[0].name: is not Unicode text"),
        ('{"nodes": [' + '{"name": "a"},' * 300 + "{}]}", "255 nodes at most, not 301"),
        ('{"duration": 1e9, "nodes": [{"addresses": "10.0.0.1"}]}', "must be a year at most"),
    ],
)
def test_scenarios_that_would_take_for_ever(text: str, told: str) -> None:
    with pytest.raises(CarpscopeError, match=r"^x\.json") as caught:
        scenario.parse(text, "x.json")
    assert told in str(caught.value)


def test_a_log_is_read_in_pieces_and_its_digest_is_of_all(tmp_path: Path) -> None:
    import gzip
    import hashlib

    plain = tmp_path / "host.log"
    line = b"Nov 23 00:31:02 fw1 kernel: carp: 1@em0: BACKUP -> MASTER (x)\n"
    content = b"y" * (3 * MIB) + b"\n" + line + bytes(2 * MIB) + b"\n" + line[:-1]
    plain.write_bytes(content)
    packed = tmp_path / "host.log.gz"
    packed.write_bytes(gzip.compress(content) + gzip.compress(b"\n" + line))
    for path, count in ((plain, 2), (packed, 3)):
        found = read.read_log(str(path), "", path.name, LogClock())
        assert len(found.entries) == count
        assert [entry.line for entry in found.entries] == [2, 4, 5][:count]
        assert found.lines == [entry.line for entry in found.entries][-1]
        assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert found.size == path.stat().st_size


def test_a_log_beyond_its_limits_is_said_and_its_digest_is_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    path = tmp_path / "host.log"
    path.write_bytes(b"carp0: BACKUP -> MASTER\n" * 100_000)
    monkeypatch.setattr(read, "SIZE_LIMIT", 2 * MIB)
    found = read.read_log(str(path), "", "host.log", LogClock())
    assert found.notes == ["more than 20,000 lines of CARP; the rest is left out"]
    monkeypatch.setattr(read, "ENTRIES_LIMIT", 1_000_000)
    cut = read.read_log(str(path), "", "host.log", LogClock())
    assert cut.notes == ["only its first 2 MiB were read"]
    for one in (found, cut):
        assert one.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert one.size == 2_400_000


@pytest.mark.parametrize("zone", ["+99:00", "-24:00", "+01:60"])
def test_a_line_with_a_zone_that_cannot_be_is_read_in_the_zone_of_the_others(zone: str) -> None:
    from carpscope.report.hostlog.clock import stamp

    clock = LogClock()
    expected = stamp("2026-11-23T00:00:00Z x", clock)
    assert expected is not None
    found = stamp(f"2026-11-23T00:00:00{zone} x", clock)
    assert found is not None
    assert found.at == expected.at
