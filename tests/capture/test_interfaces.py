"""Interfaces: what libpcap lists."""

import pcapy
import pytest

from carpscope.capture.interfaces import interfaces
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
