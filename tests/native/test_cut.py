"""The cutter in C gives the trains that the one in Python gives, whatever the packets."""

import random
import struct

import pytest

from carpscope.adverts.cut import SENDERS_KEPT
from carpscope.adverts.native import NativeCutter, cutter
from carpscope.adverts.train import Train
from carpscope.capture.batch import KernelBatch
from carpscope.capture.source import open_capture
from carpscope.core import native as extension
from carpscope.core.columns import Columns
from carpscope.core.frame import Frame
from carpscope.protocol.timers import COPY
from tests.native import cuts
from tests.native.test_walk import FILES

pytestmark = pytest.mark.skipif(extension.loaded() is None, reason="built without a C compiler")


def captured() -> list[list[Frame]]:
    found = []
    for path in FILES:
        frames = [frame for frame in open_capture(str(path)) if len(frame.data) >= 14]
        found.append(frames)
    return found


def test_both_cut_every_capture_alike() -> None:
    for frames in captured():
        for size in (1 << 16, 40, 2):
            assert cuts.Both().differ(frames, size) is None


def test_both_cut_bent_frames_alike() -> None:
    chance, pool = random.Random(23), [frames[:300] for frames in captured() if frames]
    for _ in range(120):
        one, other = chance.choice(pool), chance.choice(pool)
        woven = [frame for pair in zip(one, other, strict=False) for frame in pair]
        frames = cuts.bent(chance.choice((one, woven)), chance)
        assert cuts.Both().differ(frames, chance.choice((1, 5, 40, 1000))) is None


def test_more_senders_than_are_kept_lose_nothing() -> None:
    frames = cuts.senders(SENDERS_KEPT + 50)[: SENDERS_KEPT + 5000]
    module = extension.loaded()
    assert module is not None
    native, rows = NativeCutter(module, COPY), 0
    for begin in range(0, len(frames), 4000):
        part = cuts.in_columns(frames[begin : begin + 4000])
        taken = [
            row
            for unit in native.cut(part)
            for row in ([unit] if isinstance(unit, int) else unit.rows)
        ]
        assert taken == list(range(len(part)))
        rows += len(taken)
    assert rows == len(frames)


def test_a_batch_that_is_not_whole_is_refused() -> None:
    module = extension.loaded()
    assert module is not None
    native, link = module.Cutter(COPY), b"\1\0\0\0"
    frames = cuts.senders(1)
    batch = cuts.in_columns(frames)
    columns = bytes(batch.rows.buffer)  # type: ignore[attr-defined]
    assert len(native.cut(columns, 2, batch.data, link, 0)) == 1
    for count, data, links in (
        (3, batch.data, link),
        (-1, batch.data, link),
        (2, batch.data[:-1], link),
        (2, batch.data, b""),
    ):
        with pytest.raises(ValueError, match="no such batch"):
            native.cut(columns, count, data, links, 0)


def test_which_cutter_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(cutter(COPY, 1 << 30), NativeCutter)
    assert not isinstance(cutter(COPY, 1), NativeCutter)
    batch = cuts.in_rows(cuts.senders(1))
    (unit,) = cutter(COPY, 1 << 30).cut(batch)
    assert isinstance(unit, Train)
    monkeypatch.setenv("CARPSCOPE_PURE", "1")
    assert not isinstance(cutter(COPY, 1 << 30), NativeCutter)


def test_what_the_kernel_hands_over_lies_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(4)
    meta = struct.pack("=404I", *(chance.choice((0, 70, 9000, 65535, 70_000, 0xFFFFFFFF))
                                  for _ in range(404)))  # fmt: skip
    for snaplen in (96, 65535, 262_144):
        batch = KernelBatch(b"", meta, 1, 2, 1000, snaplen)
        natively = batch.columns()
        monkeypatch.setenv("CARPSCOPE_PURE", "1")
        purely = batch.columns()
        monkeypatch.setenv("CARPSCOPE_PURE", "")
        assert isinstance(natively.rows, Columns)
        assert [*natively.rows] == purely.rows
        assert natively.rows[3:9] == purely.rows[3:9]
        assert natively.rows[-1] == purely.rows[-1]
