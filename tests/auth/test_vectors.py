"""Every vector of the implementations' own code, from the packet to the document.

The capture holds the packet as its implementation frames it; the passphrase and addresses
are given as a person gives them; the document must name both.
"""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.auth.shipment import Json, Sent, analyzed, nodes, ship
from tests.program import run, start

pytestmark = pytest.mark.slow

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "vectors" / "hmac.json").read_text()
)
IDS = [f"{vector['impl']}-{vector['counter_hex']}" for vector in VECTORS]


def binary(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def sent(vector: dict[str, Any], vlan: int = 0) -> Sent:
    lladdr = vector["extra"].get("leader_lladdr")
    mac = bytes.fromhex(lladdr.replace(":", "")) if lladdr else None
    return Sent(bytes.fromhex(vector["packet_hex"]), vector["impl"], mac, vlan=vlan)


def signed(vector: dict[str, Any]) -> list[str]:
    """Return what is signed, in the order it is signed."""
    listed = [*vector["ipv4"], *vector["ipv6"]]
    if vector["extra"].get("context") == "nov6ll":
        listed = [text for text in listed if not text.startswith("fe80")]
    return sorted(set(listed), key=lambda text: (len(binary(text)), binary(text)))


def arguments(vector: dict[str, Any]) -> list[str]:
    word = os.fsdecode(bytes.fromhex(vector["passphrase_hex"]))
    found = ["-p", word]
    for text in (*vector["ipv4"], *vector["ipv6"]):
        found += ["-a", text]
    return found


def check(authentication: Json, vector: dict[str, Any], number: int = 1) -> None:
    assert authentication["status"] == "verified"
    assert authentication["passphrase"] == number
    assert [binary(text) for text in authentication["addresses"]] == [
        binary(text) for text in signed(vector)
    ]
    long = len(vector["passphrase_hex"]) > 38 and not vector["passphrase_hex"].endswith("00")
    assert authentication["variant"] == (
        "all 20 bytes, as netlink or ioctl set it" if long else "as given"
    )
    lladdr = vector["extra"].get("leader_lladdr")
    by_hand = lladdr is not None and not vector["extra"]["realmac"]
    assert ("link-layer" in authentication["rule"]) == by_hand
    assert authentication["not_supplied"] == []


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_vector(vector: dict[str, Any], tmp_path: Path) -> None:
    capture = ship(tmp_path / "one.pcap", [sent(vector)])
    document = analyzed(capture, arguments(vector))
    (node,) = nodes(document)
    check(node["authentication"], vector)
    word = bytes.fromhex(vector["passphrase_hex"])
    if len(word) > 5:
        assert word.decode("latin-1") not in json.dumps(document, ensure_ascii=False)


def test_all_of_them_on_one_wire(tmp_path: Path) -> None:
    """Each on a VLAN of its own; secrets of a few are known, and the rest cost little."""
    capture = ship(
        tmp_path / "all.pcap",
        [sent(v, 100 + index)._replace(at=index * 1000) for index, v in enumerate(VECTORS)],
    )
    chosen = [v for v in VECTORS if len(v["ipv4"]) == 1 and not v["ipv6"]][:3]
    words = [a for v in chosen for a in arguments(v)]
    document = analyzed(capture, words)
    groups = {group["vlan"][0]: group for group in document["groups"]}
    assert len(groups) == len(VECTORS)
    for number, vector in enumerate(chosen, 1):
        (node,) = groups[100 + VECTORS.index(vector)]["nodes"]
        check(node["authentication"], vector, number)


def test_dissect_verifies_the_same(tmp_path: Path) -> None:
    """A link-layer address set by hand is the frame's own source."""
    by_hand = [v for v in VECTORS if v["extra"].get("leader_lladdr") and not v["extra"]["realmac"]]
    assert by_hand
    for vector in by_hand:
        capture = ship(tmp_path / "one.pcap", [sent(vector)])
        result = run("dissect", "--json", *arguments(vector), capture)
        assert json.loads(result.out)["authentication"]["status"] == "verified"


def test_from_the_shell(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, a dash in front, 20 of them: as argument and from a file."""
    odd = [v for v in VECTORS if not bytes.fromhex(v["passphrase_hex"]).isascii()][:1]
    odd += [v for v in VECTORS if len(v["passphrase_hex"]) == 40][:1]
    for index, vector in enumerate(odd):
        word = bytes.fromhex(vector["passphrase_hex"])
        capture = ship(tmp_path / f"{index}.pcap", [sent(vector)])
        addresses = arguments(vector)[2:]
        result = start("analyze", "--json", "-p", os.fsdecode(word), *addresses, capture)
        check(nodes(json.loads(result.out))[0]["authentication"], vector)
        listed = tmp_path / f"{index}.pass"
        listed.write_bytes(b"something else\r\n" + word + b"\n")
        result = start("analyze", "--json", "--passphrase-file", str(listed), *addresses, capture)
        check(nodes(json.loads(result.out))[0]["authentication"], vector, 2)
