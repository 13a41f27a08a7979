"""The extension gives, counts and refuses what the readers in Python do, whatever the bytes."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.adverts.select import drops
from carpscope.capture import native
from carpscope.core import native as extension
from tests.adverts.test_select import heads, ports, protocols
from tests.native import files, sanitized
from tests.program import ROOT, run

FILES = sorted((*ROOT.glob("captures/*/*.pcap*"), *ROOT.glob("tests/data/**/*.pcap*")))
MADE = files.made()

pytestmark = pytest.mark.skipif(extension.loaded() is None, reason="built without a C compiler")


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let batches be so small that one file has many."""
    monkeypatch.setattr(native, "ROWS", 5)
    monkeypatch.setattr(native, "ROOM", 262_144)


def test_both_readers_give_the_same_of_every_capture() -> None:
    assert len(FILES) > 60
    for path in FILES:
        data = path.read_bytes()
        for size in (262_144, 997):
            assert files.natively(data, size) == files.pure(data, size), path
        assert files.natively(data, 4096, selects=False) == files.pure(data, 4096, selects=False)


@pytest.mark.parametrize("name", MADE)
def test_both_readers_give_the_same_of_every_form(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = MADE[name]
    expected = files.pure(data, 262_144)
    assert len(expected.frames) > 10
    for size in files.SIZES[3 if len(data) > 1_000_000 else 0 :]:
        assert files.natively(data, size) == expected
    small(monkeypatch)
    assert files.natively(data, 700) == expected


def test_both_readers_give_the_same_of_damaged_files(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, seeds = random.Random(17), list(MADE.values())
    for number in range(600):
        if number == 300:
            small(monkeypatch)
        data = files.bent(chance.choice(seeds)[: chance.choice((600, 9000))], chance)
        size = chance.choice(files.SIZES[1:])
        assert files.natively(data, size) == files.pure(data, size), (data, size)


@given(heads, protocols, ports, st.integers(0, 3), st.binary(min_size=10, max_size=140))
def test_both_leave_out_the_same(
    head: bytes, protocol: int, port: int, tags: int, rest: bytes
) -> None:
    data = bytearray((head + rest)[:140])
    for place in (20, 23):
        if len(data) > place:
            data[place] = protocol
    data[36:38] = port.to_bytes(2, "big")
    data[12:12] = b"\x81\x00\x00\x07" * tags
    module = extension.loaded()
    assert module is not None
    assert module.left_out(data) is drops(bytes(data), 0, len(data), 1)


def test_what_does_not_fit_together_is_refused() -> None:
    module = extension.loaded()
    assert module is not None
    walk = module.Walk()
    for here in (-1, 5):
        with pytest.raises(ValueError, match="no such place"):
            walk.walk(b"1234", here, bytearray(36), bytearray(9))
    for count, used in ((-1, 0), (2, 0), (0, -1), (0, 10)):
        walk.count, walk.used = count, used
        with pytest.raises(ValueError, match="no such batch"):
            walk.walk(b"1234", 0, bytearray(36), bytearray(9))
        with pytest.raises(ValueError, match="no such batch"):
            walk.give(b"1234", 0, 4, 0, bytearray(36), bytearray(9))
    with pytest.raises(ValueError, match="no record"):
        module.Walk(record=15)
    for _ in range(65_536):
        walk.describe(1, 1000, 1, 0)
    with pytest.raises(ValueError, match="too many"):
        walk.describe(1, 1000, 1, 0)


def test_an_analysis_is_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paths = [path for path in FILES if "traces" in str(path)][:4]
    told = [run("analyze", "--json", str(path)) for path in paths]
    monkeypatch.setenv("CARPSCOPE_PURE", "1")
    assert extension.kind() == "pure Python"
    assert [run("analyze", "--json", str(path)) for path in paths] == told


@pytest.mark.long
def test_sanitizers_find_nothing() -> None:
    """It takes some seconds to build with them; `make fuzz` goes on for longer."""
    outcome = sanitized.fuzzed(20, seed=1, most=40)
    if outcome is None:
        pytest.skip("there is no compiler with sanitizers")
    assert outcome == (40, "", None)
