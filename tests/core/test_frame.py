"""A frame is a value."""

from carpscope.core.frame import Frame


def test_it_has_a_place_and_compares_by_what_it_holds() -> None:
    frame = Frame(1, 0, 1, b"abc", 60)
    assert (frame.capture, frame.interface) == (0, 0)
    assert frame == Frame(1, 0, 1, b"abc", 60, 0, 0)
    assert frame != frame._replace(interface=1)
