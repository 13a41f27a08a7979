"""What is refused, and which check says so."""

import pytest

from carpscope.core.units import SECOND
from carpscope.protocol.events import (
    Drop,
    Dropped,
    Received,
)
from carpscope.protocol.node import NEVER
from tests.protocol.bench import (
    KERNELS,
    VIP6,
    advert,
    after,
    booted,
)

SECONDS_10 = 10 * SECOND


@pytest.mark.parametrize("impl", [*KERNELS, "ucarp"])
def test_what_is_signed_otherwise_is_refused(impl: str) -> None:
    one = booted(impl)
    stranger = booted(impl, key=b"another")
    _, said = after(one, Received(SECONDS_10, 1, advert(of=stranger)))
    assert [e.drop for e in said if isinstance(e, Dropped)] == [Drop.BAD_AUTH]


@pytest.mark.parametrize(
    ("impl", "change", "drop"),
    [
        ("freebsd13", {"ttl": 254}, Drop.BAD_TTL),
        ("freebsd14", {"ttl": 254}, None),
        ("freebsd14", {"ttl": 254, "multicast": False}, Drop.BAD_TTL),
        ("openbsd", {"ttl": 64}, Drop.BAD_TTL),
        ("freebsd13", {"checksum_ok": False}, Drop.BAD_CHECKSUM),
        ("freebsd13", {"version": 3}, Drop.BAD_VERSION),
        ("freebsd13", {"whole": False}, Drop.BAD_LENGTH),
        ("freebsd13", {"multicast": False}, None),
        ("dragonfly", {"multicast": False}, Drop.OTHER_DESTINATION),
        ("ucarp", {"multicast": False}, Drop.OTHER_DESTINATION),
        ("freebsd13", {"vhid": 9}, Drop.BAD_VHID),
        ("freebsd13", {"ttl": 254, "whole": False}, Drop.BAD_TTL),
        ("freebsd14", {"checksum_ok": False, "whole": False}, Drop.BAD_LENGTH),
        ("ucarp", {"version": 1, "ttl": 3}, Drop.BAD_TTL),
    ],
)
def test_the_first_check_that_fails_names_the_drop(
    impl: str, change: dict[str, int | bool], drop: Drop | None
) -> None:
    one = booted(impl)
    packet = advert(of=one)._replace(**change)  # type: ignore[arg-type]
    _, said = after(one, Received(SECONDS_10, 1, packet))
    found = [effect.drop for effect in said if isinstance(effect, Dropped)]
    assert found == ([] if drop is None else [drop])


def test_an_ipv6_advertisement_where_nothing_joined_its_group_is_not_seen() -> None:
    for impl in KERNELS:
        one = booted(impl)
        same, said = after(one, Received(SECONDS_10, 1, advert(of=one, family=6)))
        assert (same, said) == (one, [])


def test_freebsd_10_wants_an_address_of_the_family() -> None:
    one = booted("freebsd13", ipv4=(), ipv6=(VIP6,))
    _, said = after(one, Received(SECONDS_10, 1, advert(of=one)))
    assert [e.drop for e in said if isinstance(e, Dropped)] == [Drop.BAD_VHID]
    old = booted("freebsd9", ipv4=(), ipv6=(VIP6,))
    old, said = after(old, Received(SECONDS_10, 1, advert(of=old)))
    assert said == []
    assert old.vhids[0].md != NEVER


def test_a_family_rearms_its_own_timer_only() -> None:
    one = booted("freebsd13", ipv6=(VIP6,))
    before = one.vhids[0]
    one, _ = after(one, Received(SECOND, 1, advert(of=one)))
    assert one.vhids[0].md > before.md
    assert one.vhids[0].md6 == before.md6
    one, _ = after(one, Received(SECOND, 1, advert(of=one, family=6)))
    assert one.vhids[0].md6 > before.md6
