"""Interfaces: what libpcap lists."""

from pathlib import Path

import pcapy
import pytest

from carpscope.capture.interfaces import interfaces
from carpscope.capture.links import missed
from carpscope.core.errors import CarpscopeError


def test_they_are_those_libpcap_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcapy, "findalldevs", lambda: ["em0", "lo0"])
    assert interfaces() == ["em0", "lo0"]


def test_this_system_can_be_asked() -> None:
    assert all(name.isprintable() for name in interfaces())


def test_a_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[str]:
        raise pcapy.PcapError("no\nsocket")

    monkeypatch.setattr(pcapy, "findalldevs", refuse)
    with pytest.raises(CarpscopeError, match=r"the interfaces cannot be listed: no\\x0asocket"):
        interfaces()


def test_what_a_card_had_no_room_for_is_lost_and_what_no_protocol_wanted_is_not(
    tmp_path: Path,
) -> None:
    assert missed(tmp_path) == 0, "the interface is gone, or has no counters"
    for name, count in ("rx_missed_errors", 7), ("rx_fifo_errors", 5), ("rx_dropped", 1000):
        (tmp_path / name).write_text(f"{count}\n")
    assert missed(tmp_path) == 12
