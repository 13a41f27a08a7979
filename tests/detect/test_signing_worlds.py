"""Simulated pairs of all systems, with and without a difference in what they sign.

With every secret exactly the differences that are there are found; with the first node's
secrets or none, that there is one.
"""

import json
import random
from pathlib import Path
from typing import NamedTuple

import pytest

from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.address import parse_ip
from carpscope.pipeline import analyze
from carpscope.sim.frames import frames
from carpscope.sim.scenario import parse
from carpscope.sim.world import World

pytestmark = pytest.mark.slow

KERNELS = ("freebsd13", "freebsd9", "netbsd", "openbsd", "freebsd14", "openbsd2018", "openbsd2025")
EXACT = {
    "none": set[str](),
    "addresses": {"address_set_mismatch"},
    "passphrase": {"passphrase_mismatch"},
    "both": {"address_set_mismatch", "passphrase_mismatch"},
    "ucarp": {"ucarp_kernel_address_incompat"},
    "rotated": {"passphrase_mismatch"},
    "alias": {"address_set_mismatch"},
}
SIGNING = {*set().union(*EXACT.values()), "authentication_mismatch"}
UNHEARD = SIGNING | {"one_way_link", "partition"}


class Pair(NamedTuple):
    """Two nodes: what they run and sign, and what happens to the first at 20 seconds."""

    impls: tuple[str, str]
    addresses: tuple[list[str], list[str]]
    words: tuple[str, str]
    event: str = ""
    extra: tuple[str, str] = ("", "")
    """A passphrase and an address that the event brings."""


def drawn(kind: str, seed: int) -> Pair:
    """Draw a pair that differs in a kind of way."""
    draw = random.Random(f"{kind} {seed}")
    impls = (draw.choice(KERNELS), "ucarp" if kind == "ucarp" else draw.choice(KERNELS))
    shared = [f"10.7.{draw.randrange(3)}.{n}" for n in draw.sample(range(60, 250), 2)]
    shared += ["2001:db8::50"] if draw.random() < 0.5 and kind != "ucarp" else []
    other, word = f"10.7.1.{draw.randrange(10, 59)}", f"word {seed}"
    pair = Pair(impls, (shared, shared), (word, word))
    if kind == "ucarp":
        pair = pair._replace(addresses=(shared, shared[:1]))
    if kind in ("addresses", "both"):
        sides = [shared, [*shared, other]]
        draw.shuffle(sides)
        pair = pair._replace(addresses=(sides[0], sides[1]))
    if kind in ("passphrase", "both"):
        pair = pair._replace(words=(word, f"other {seed}"))
    if kind == "rotated":
        pair = pair._replace(event=happening("set_pass", "new word"), extra=("new word", ""))
    if kind == "alias":
        pair = pair._replace(event=happening("add_addr", other), extra=("", other))
    return pair


def happening(kind: str, value: str) -> str:
    return f'[[events]]\nt = 20\ntype = "{kind}"\nnode = "n0"\nvhid = 1\nvalue = "{value}"\n'


def recorded(pair: Pair, folder: Path, seed: int) -> str:
    text = f"duration = 50\nvhid = 1\nseed = {seed}\n"
    for index in (0, 1):
        text += f'[[nodes]]\nname = "n{index}"\nimpl = "{pair.impls[index]}"\n'
        text += f"advskew = {index * 100}\naddresses = {json.dumps(pair.addresses[index])}\n"
        text += f'passphrase = "{pair.words[index]}"\n'
    world = World(parse(text + pair.event, "pair.toml"))
    world.run()
    path = folder / "pair.pcap"
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for frame in frames(world):
            writer.write(frame)
    return str(path)


def found(path: str, words: list[str], addresses: list[str]) -> set[str]:
    binary = tuple(parse_ip(text, where="") for text in dict.fromkeys(addresses))
    secrets = tuple(word.encode() for word in dict.fromkeys(words) if word)
    with open_capture(path) as capture:
        return {finding.label for finding in analyze([capture], Config(secrets, binary)).findings}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", EXACT)
def test_a_pair(kind: str, seed: int, tmp_path: Path) -> None:
    pair = drawn(kind, seed)
    path = recorded(pair, tmp_path, seed)
    everything = [a for a in (*pair.addresses[0], *pair.addresses[1], pair.extra[1]) if a]
    with_all = found(path, [*pair.words, pair.extra[0]], everything)
    assert with_all & SIGNING == EXACT[kind]
    with_one = found(path, [pair.words[0]], pair.addresses[0])
    assert bool(with_one & UNHEARD) == bool(EXACT[kind])
    assert with_one & SIGNING <= EXACT[kind] | {"authentication_mismatch"}
    with_none = found(path, [], [])
    assert bool(with_none & UNHEARD) == bool(EXACT[kind])
    assert with_none & SIGNING <= {"authentication_mismatch"}
