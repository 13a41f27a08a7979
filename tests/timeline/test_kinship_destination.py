"""Two clusters on one vhid, and frames sent to the wrong MAC."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.frame import Frame
from carpscope.timeline.destination import misdirected
from carpscope.timeline.node import Node
from carpscope.timeline.same_cluster import unrelated
from carpscope.wire.decode import decode
from carpscope.wire.ip import ipv4, ipv6
from carpscope.wire.link import ETHERTYPE_IPV4, ETHERTYPE_IPV6, ethernet

GROUP4 = bytes((224, 0, 0, 18))
GROUP6 = bytes.fromhex("ff020000000000000000000000000012")
OWN = bytes((10, 0, 0, 1))


def said(mac: str, destination: bytes) -> str:
    if len(destination) == 4:
        packet = ipv4(OWN, destination, bytes(36), protocol=112, tos=16, identification=1)
        kind = ETHERTYPE_IPV4
    else:
        packet = ipv6(bytes(15) + b"\1", destination, bytes(36), next_header=112)
        kind = ETHERTYPE_IPV6
    data = ethernet(bytes.fromhex(mac), bytes(6), kind, packet)
    found = decode(Frame(1, 0, 1, data, len(data)))
    assert found.link is not None
    assert found.ip is not None
    return misdirected(found.link, found.ip)


@pytest.mark.parametrize(
    ("mac", "destination"),
    [
        ("01005e000012", GROUP4),
        ("333300000012", GROUP6),
        ("ffffffffffff", GROUP4),  # ucarp -M
        ("02aabbccddee", bytes((10, 0, 0, 2))),  # a unicast peer
    ],
)
def test_right_destinations(mac: str, destination: bytes) -> None:
    assert said(mac, destination) == ""


def test_the_mac_of_a_gateway_names_its_end() -> None:
    assert "ends in 0.0.212" in said("01005e0000d4", GROUP4)


def test_a_group_mac_for_one_host_is_wrong() -> None:
    assert "is one host" in said("01005e0000e0", bytes((10, 0, 0, 224)))


@given(st.binary(min_size=6, max_size=6), st.sampled_from([GROUP4, GROUP6, OWN]))
def test_any_mac_gets_an_answer(mac: bytes, destination: bytes) -> None:
    right = {GROUP4: "01005e000012", GROUP6: "333300000012"}.get(destination)
    found = said(mac.hex(), destination)
    if mac.hex() == right or mac == b"\xff" * 6:
        assert found == ""
    elif right is not None:
        assert right[:2] in found


def node(own: bytes, *held: bytes) -> Node:
    return Node("x", 0, [own], announced=dict.fromkeys(held, 0))


def test_two_networks_with_their_own_addresses_are_unrelated() -> None:
    ours = node(OWN, bytes((10, 0, 0, 100)))
    theirs = node(bytes((172, 16, 9, 2)), bytes((172, 16, 9, 1)))
    assert unrelated(ours, theirs)
    assert unrelated(theirs, ours)


def test_one_shared_address_or_network_makes_a_group() -> None:
    ours = node(OWN, bytes((10, 0, 0, 100)))
    assert not unrelated(ours, node(bytes((10, 0, 0, 2)), bytes((10, 0, 0, 101))))
    assert not unrelated(ours, node(bytes((172, 16, 9, 2)), bytes((10, 0, 0, 100))))
    # a node that has shown nothing is not accused
    assert not unrelated(ours, node(bytes((172, 16, 9, 2))))
