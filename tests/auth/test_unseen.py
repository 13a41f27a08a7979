"""Nodes made at random, as each implementation signs, explained by the command.

What is signed comes from the profiles that the simulator uses, not from the search.
"""

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carpscope.core.address import ip_text
from carpscope.protocol.profile import profiles
from carpscope.protocol.rules import own_link_local
from carpscope.wire.carp import Advert
from tests.auth.shipment import Sent, analyzed, nodes, ship

pytestmark = pytest.mark.slow

words = st.binary(min_size=1, max_size=19).filter(
    lambda word: b"\0" not in word and word.strip() == word
)
ipv4 = st.builds(lambda a, b: bytes((10, 20, a, b)), st.integers(0, 3), st.integers(1, 254))
ipv6 = st.builds(
    lambda prefix, low: prefix + bytes(6) + low,
    st.sampled_from([bytes.fromhex("20010db800000001"), bytes.fromhex("fe80000000000000")]),
    st.binary(min_size=2, max_size=2).filter(any),
)


@pytest.mark.parametrize("impl", sorted(profiles()))
@given(data=st.data())
@settings(max_examples=30)
def test_a_node_of(impl: str, data: st.DataObject) -> None:
    profile = profiles()[impl]
    word = data.draw(words)
    vhid = data.draw(st.integers(1, 255))
    fours = data.draw(st.lists(ipv4, min_size=1, max_size=5, unique=True))
    sixes = data.draw(st.lists(ipv6, max_size=1 if len(fours) > 3 else 2, unique=True))
    if impl == "ucarp":
        fours, sixes = fours[:1], []
    if len(fours) + len(sixes) > 5:
        sixes = sixes[:1]
    others = data.draw(st.lists(ipv4, max_size=2, unique=True))
    counter = data.draw(st.binary(min_size=8, max_size=8))
    secrets = profile.secrets(word, vhid, tuple(fours), tuple(sixes))
    advert = Advert(
        vhid, 1, data.draw(st.integers(0, 240)), 0, counter, secrets.sends.sign(counter)
    )
    supplied = list(dict.fromkeys([*fours, *sixes, *others]))
    shuffled = data.draw(st.permutations(supplied))

    with tempfile.TemporaryDirectory() as folder:
        style = "ucarp" if impl == "ucarp" else impl
        capture = ship(Path(folder) / "one.pcap", [Sent(advert.encode(), style)])
        asked = [f"--passphrase={os.fsdecode(b'not this')}", f"--passphrase={os.fsdecode(word)}"]
        asked += [f"--address={ip_text(address)}" for address in shuffled]
        (node,) = nodes(analyzed(capture, asked))

    told = node["authentication"]
    assert told["status"] == "verified"
    assert told["passphrase"] == (2 if word != b"not this" else 1)
    found = [
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
        for text in told["addresses"]
    ]
    assert set(found) <= {*fours, *sixes, own_link_local(vhid)}
    assert set(found) >= {a for a in fours if impl != "ucarp"}
    assert told["not_supplied"] == []
    in_order = found == sorted(found, key=lambda a: (len(a), a))
    assert in_order == told["rule"].startswith("sorted")
