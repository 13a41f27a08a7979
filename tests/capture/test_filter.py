"""Filters: libpcap's language on frames of any link type."""

import pytest

from carpscope.capture.filter import compile_filter
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame

IP = bytes.fromhex("45e0003800004000ff70d8b8c0a80102e0000012") + bytes(36)
HEADS = {
    0: b"\2\0\0\0",
    1: bytes.fromhex("01005e00001200005e0001010800"),
    12: b"",
    14: b"",
    101: b"",
    108: b"\0\0\0\2",
    113: bytes.fromhex("0001 0001 0006 00005e000101 0000 0800"),
    228: b"",
    276: bytes.fromhex("0800 0000 00000002 0001 01 06 00005e000101 0000"),
}


def frame(link: int, data: bytes) -> Frame:
    return Frame(1, 0, link, data, len(data))


@pytest.mark.parametrize("link", list(HEADS))
def test_one_expression_works_on_every_link_type(link: int) -> None:
    chosen = compile_filter("ip proto 112")
    assert chosen.matches(frame(link, HEADS[link] + IP))
    assert not chosen.matches(frame(link, HEADS[link] + IP[:9] + b"\x11" + IP[10:]))
    assert not chosen.matches(frame(link, b""))
    assert chosen.notes == []


def test_a_frame_behind_a_tag_needs_the_word_vlan() -> None:
    tagged = frame(1, HEADS[1][:12] + bytes.fromhex("8100 000a 0800") + IP)
    assert not compile_filter("ip proto 112").matches(tagged)
    assert compile_filter("vlan 10 and ip proto 112").matches(tagged)


def test_an_expression_that_rejects_a_link_type_matches_nothing_of_it() -> None:
    chosen = compile_filter("ip proto 112")
    assert not chosen.matches(frame(229, bytes(60)))
    assert chosen.notes == []


def test_link_types_without_filter_are_noted_once() -> None:
    chosen = compile_filter("ip proto 112")
    assert not chosen.matches(frame(147, IP))
    assert not chosen.matches(frame(147, IP))
    assert chosen.matches(frame(1, HEADS[1] + IP))
    (note,) = chosen.notes
    assert note.startswith("the filter does not apply to LINKTYPE 147 packets, none matches: ")


def test_what_makes_no_sense_on_ethernet_may_elsewhere() -> None:
    chosen = compile_filter("link[0] = 4")
    assert chosen.matches(frame(1, b"\4" + bytes(59)))
    inbound = compile_filter("wlan type mgt")
    assert not inbound.matches(frame(1, HEADS[1] + IP))
    assert "does not apply to EN10MB" in inbound.notes[0]
    assert inbound.matches(frame(105, bytes(60)))


@pytest.mark.parametrize(
    "expression", ["proto", "ip[", "nonsense here", "host", "ip proto 112 and"]
)
def test_a_bad_expression_is_refused_in_libpcaps_words(expression: str) -> None:
    with pytest.raises(CarpscopeError) as caught:
        compile_filter(expression)
    assert str(caught.value) == f"filter {expression!r}: syntax error"


@pytest.mark.parametrize("expression", ["ip\x00", "tcp \x1b[31m", "tcp\nfoo bar"])
def test_a_refusal_is_one_printable_line(expression: str) -> None:
    with pytest.raises(CarpscopeError) as caught:
        compile_filter(expression)
    assert str(caught.value).isprintable()


def test_an_empty_expression_matches_everything() -> None:
    assert compile_filter("").matches(frame(1, bytes(60)))
