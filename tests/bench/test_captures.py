"""What is measured is what it is said to be: masters that verify, and a C program that agrees."""

import itertools
import json
import subprocess
from pathlib import Path

import pytest

from tests.bench.captures import (
    CAPTURES,
    IPV4,
    IPV6,
    attack,
    masters,
    mixed,
    trunk,
    write_pcap,
)
from tests.bench.programs import floor
from tests.bench.shapes import GROUPS, PASSPHRASE
from tests.program import run

pytestmark = pytest.mark.slow

ADVERTS = 3 * GROUPS


def shortened(name: str, folder: Path) -> str:
    """Write the beginning of one of the captures."""
    ending, write, frames = CAPTURES[name]
    path = folder / f"{name}.{ending}"
    with path.open("wb") as stream:
        write(itertools.islice(frames(), ADVERTS), stream)
    return str(path)


def floor_says(path: str) -> dict[str, int]:
    words = floor(path, IPV4 + IPV6).words
    if not Path(words[0] if words[0] != "sh" else words[4]).exists():
        pytest.skip("no C compiler with the headers of libpcap and OpenSSL here")
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60)
    said = done.stdout.split()
    return {name: int(value) for name, value in zip(said[::2], said[1::2], strict=True)}


@pytest.mark.parametrize("name", ["dense", "vlan", "ipv6", "pcapng", "gzip"])
def test_every_master_verifies_with_the_address_of_its_own(name: str, tmp_path: Path) -> None:
    path = shortened(name, tmp_path)
    listed = ",".join(IPV4 + IPV6)
    result = run("analyze", "--json", "-p", PASSPHRASE, "-a", listed, path)
    document = json.loads(result.out)
    nodes = [node for group in document["groups"] for node in group["nodes"]]
    assert (result.status, document["findings"]) == (0, [])
    assert len(nodes) == GROUPS
    wanted = IPV6 if name == "ipv6" else IPV4
    assert [node["authentication"]["addresses"] for node in nodes] == [[a] for a in wanted]
    assert {node["authentication"]["verified"] for node in nodes} == {3}


@pytest.mark.parametrize("name", ["dense", "vlan", "ipv6", "pcapng", "gzip"])
def test_the_c_program_verifies_as_many(name: str, tmp_path: Path) -> None:
    said = floor_says(shortened(name, tmp_path))
    assert (said["adverts"], said["groups"], said["good"]) == (ADVERTS, GROUPS, ADVERTS)
    assert {said[word] for word in ("wrong", "bad-ip", "bad-carp", "refused", "changes")} == {0}


def test_no_made_up_source_verifies(tmp_path: Path) -> None:
    path = tmp_path / "attack.pcap"
    with path.open("wb") as stream:
        write_pcap(attack(100), stream)
    said = floor_says(str(path))
    assert (said["wrong"], said["good"]) == (100, 1)


def test_a_packet_in_a_thousand_of_the_mixed_capture_is_an_advertisement(tmp_path: Path) -> None:
    path = tmp_path / "mixed.pcap"
    with path.open("wb") as stream:
        write_pcap(mixed(5000), stream)
    evidence = json.loads(run("analyze", "--json", str(path)).out)["evidence"][0]
    assert (evidence["packets"], evidence["advertisements"]) == (5000, 5)
    assert floor_says(str(path))["adverts"] == 5


def test_the_masters_take_turns() -> None:
    frames = list(masters(ADVERTS))
    assert [at for at, _ in frames] == sorted(at for at, _ in frames)
    first, second = frames[0][1], frames[GROUPS][1]
    assert first[-36:] != second[-36:]
    first, second = frames[1][1], frames[GROUPS + 1][1]
    assert first[-36:] == second[-36:]
    assert first != second


@pytest.mark.parametrize("short", [False, True])
def test_a_trunk_is_full_of_what_nobody_looks_at(short: bool, tmp_path: Path) -> None:
    path = tmp_path / "trunk.pcap"
    with path.open("wb") as stream:
        write_pcap(trunk(1000, short=short), stream)
    assert (path.stat().st_size == 24 + 10 * (16 + 74) + 990 * (16 + 70)) is short
    document = json.loads(run("analyze", "--json", str(path)).out)
    assert document["evidence"][0]["packets"] == 1000
    assert document["evidence"][0]["advertisements"] == 10
    assert [group["vlan"] for group in document["groups"]] == [[100]] * 10
