"""Link types by number and name."""

import pytest

from carpscope.capture.linktypes import is_read, link_name


@pytest.mark.parametrize(
    ("link", "name"),
    [
        (0, "NULL"),
        (1, "EN10MB"),
        (12, "RAW"),
        (14, "RAW"),
        (101, "RAW"),
        (108, "LOOP"),
        (113, "LINUX_SLL"),
        (117, "PFLOG"),
        (228, "IPV4"),
        (229, "IPV6"),
        (276, "LINUX_SLL2"),
    ],
)
def test_those_carp_is_seen_on_have_the_names_of_tcpdump(link: int, name: str) -> None:
    assert link_name(link) == name
    assert is_read(link)


def test_others_are_called_by_their_number() -> None:
    assert link_name(147) == "LINKTYPE 147"
    assert not is_read(147)
