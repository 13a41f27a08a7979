"""What the soak does to its pairs of nodes, and what has to be said of each.

An episode is one fault in one group, from its beginning to the repair. `must` has the findings
that are provable then, one of each set; `may` has what can follow from it; nothing else may be
said of that group.
"""

import random
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from captures.record import intruder
from captures.record.plan import Attack, Host, Ucarp
from tests.live.stage import Event, Scene, Watcher

INTRUDER = Host(name="mallory", address="192.0.2.250")
OTHER_PASSPHRASE = "quite-another-one"
Labels = frozenset[str]


class NotBegunError(Exception):
    """The stage was not ready for a fault; that says nothing about who watches."""


@dataclass(slots=True)
class Pair:
    """Two nodes of one vhid."""

    vhid: int
    hosts: tuple[Host, Host]

    @property
    def group(self) -> str:
        return f"vhid{self.vhid}"


@dataclass(slots=True)
class Episode:
    """One fault, as it was done."""

    pair: Pair
    kind: str
    start: float
    must: tuple[Labels, ...]
    may: Labels
    end: float = 0
    problems: list[str] = field(default_factory=list)
    skipped: str = ""
    """Why it could not be done."""


def pair(number: int) -> Pair:
    def host(last: int, skew: int) -> Host:
        options = Ucarp(vhid=number, advskew=skew, address=f"192.0.2.{100 + number}")
        return Host(name=f"n{last}", address=f"192.0.2.{last}", ucarps=(options,))

    return Pair(number, (host(2 * number, 10), host(2 * number + 1, 40)))


class Stagehand:
    """Does episodes on one LAN; several at once, each in its own group."""

    def __init__(self, stage: Scene, watcher: Watcher, folder: Path, seed: int) -> None:
        self.stage = stage
        self.watcher = watcher
        self.folder = folder
        self.chance = random.Random(seed)
        self.done: list[Episode] = []
        self._lock = threading.Lock()
        self._pause = threading.Event()
        self.flood = str(folder / "flood")
        source = str(Path(__file__).with_name("flood.c"))
        subprocess.run(["gcc", "-O2", "-o", self.flood, source], check=True)

    # What is going on

    def events(self, group: str) -> list[tuple[float, Event]]:
        return [(at, e) for at, e in list(self.watcher.events) if e.get("group") == group]

    def masters(self, group: str) -> set[str]:
        found: set[str] = set()
        for _, event in self.events(group):
            if event["event_type"] == "state":
                change = found.add if event["action"] == "MASTER" else found.discard
                change(event["nodes"][0])
        return found

    def open(self, group: str) -> set[str]:
        found: set[str] = set()
        for _, event in self.events(group):
            if event["event_type"] == "finding":
                opened = event["action"] != "closed"
                change = found.add if opened else found.discard
                change(event["finding"]["identity"])
        return found

    def opened(self, group: str, since: float) -> set[str]:
        return {
            event["finding"]["label"]
            for at, event in self.events(group)
            if event["event_type"] == "finding" and event["action"] == "opened" and at >= since
        }

    def wait(self, what: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not what():
            if time.monotonic() > deadline:
                return False
            self._pause.wait(0.1)
        return True

    def rest(self, seconds: float) -> None:
        self._pause.wait(seconds)

    # Episodes

    def episode(self, one: Pair, kind: str) -> Episode:
        """Do one fault and repair it; say what was not as it had to be."""
        act, must, may = KINDS[kind]
        episode = Episode(one, kind, time.time(), must, may)
        masters = self.masters(one.group)
        names = {host.address: host for host in one.hosts}
        if len(masters) != 1 or not masters <= names.keys():
            episode.skipped = f"MASTER is {sorted(masters) or 'nobody'}"
            return self._finished(episode)
        try:
            master = names[masters.pop()]
            [backup] = [host for host in one.hosts if host is not master]
            repair = act(self, one, master, backup)
        except NotBegunError as problem:
            episode.skipped = str(problem)
        else:
            for labels in must:
                if not self.wait(partial(self._told, episode, labels), 20):
                    episode.problems.append(f"missed {' or '.join(sorted(labels))}")
            if kind == "failover" and not self.wait(lambda: self._failed_over(one, episode), 15):
                episode.problems.append("missed the failover")
            repair()
        return self._finished(episode)

    def _finished(self, episode: Episode) -> Episode:
        episode.end = time.time()
        with self._lock:
            self.done.append(episode)
        return episode

    def _told(self, episode: Episode, labels: Labels) -> bool:
        return bool(labels & self.opened(episode.pair.group, episode.start))

    def _failed_over(self, one: Pair, episode: Episode) -> bool:
        return any(
            event["event_type"] == "election" and event["action"] == "failover"
            for at, event in self.events(one.group)
            if at >= episode.start
        )

    def start(self, host: Host, passphrase: str = Ucarp().passphrase) -> None:
        with self._lock:
            known = replace(host, ucarps=(replace(host.ucarps[0], passphrase=passphrase),))
            self.stage._hosts[host.name] = known
            self.stage.start(host.name)

    def kill(self, host: Host) -> None:
        with self._lock:
            self.stage.kill(host.name)
        self.stage.lan.drop_address(host.name, host.ucarps[0].address)


Repair = Callable[[], None]
Act = Callable[[Stagehand, Pair, Host, Host], Repair]


def _failover(hand: Stagehand, one: Pair, master: Host, backup: Host) -> Repair:
    hand.kill(master)
    return lambda: hand.start(master)


def _dead(hand: Stagehand, one: Pair, master: Host, backup: Host) -> Repair:
    hand.kill(backup)
    hand.kill(master)

    def repair() -> None:
        hand.start(master)
        hand.wait(lambda: bool(hand.masters(one.group)), 15)
        hand.start(backup)

    return repair


def _one_way(hand: Stagehand, one: Pair, master: Host, backup: Host) -> Repair:
    if master.ucarps[0].advskew > backup.ucarps[0].advskew:
        # the better one would claim, be heard, and be the only MASTER: nothing is wrong then
        return _both_ways(hand, one, master, backup)
    hand.stage.lan.cut(master.name, backup.name)
    return lambda: hand.stage.lan.heal(master.name, backup.name)


def _both_ways(hand: Stagehand, one: Pair, master: Host, backup: Host) -> Repair:
    ways = [(master.name, backup.name), (backup.name, master.name)]
    for way in ways:
        hand.stage.lan.cut(*way)

    def repair() -> None:
        for way in ways:
            hand.stage.lan.heal(*way)

    return repair


def _passphrase(hand: Stagehand, one: Pair, master: Host, backup: Host) -> Repair:
    hand.kill(backup)
    hand.start(backup, passphrase=OTHER_PASSPHRASE)

    def repair() -> None:
        hand.kill(backup)
        hand.rest(2)
        hand.start(backup)

    return repair


def _attack(skew: int | None) -> Act:
    def act(hand: Stagehand, one: Pair, master: Host, backup: Host) -> Repair:
        attack = Attack(at=5, until=9, host=INTRUDER.name, victim=master.name, advskew=skew)
        begin = int(time.time() * 1e6)
        helper = hand.stage.help(INTRUDER.name, intruder.command(attack, INTRUDER, master, begin))
        if helper.wait():
            raise NotBegunError("the intruder heard nobody")
        return lambda: None

    return act


def _invented(hand: Stagehand, one: Pair, master: Host, backup: Host) -> Repair:
    argv = [hand.flood, "eth0", "2000", "3", "1", str(one.vhid)]
    hand.stage.help(INTRUDER.name, argv)
    return lambda: hand.rest(3)


_AFTER = frozenset(("flapping", "stale_arp"))
_CUT = frozenset(("one_way_link", "partition"))
_SPLIT = frozenset(("split_brain",))

KINDS: dict[str, tuple[Act, tuple[Labels, ...], Labels]] = {
    "failover": (_failover, (), frozenset()),
    "dead": (_dead, (frozenset(("master_gap",)),), frozenset()),
    "one way": (_one_way, (_SPLIT, _CUT), _AFTER),
    "both ways": (_both_ways, (_SPLIT, _CUT), _AFTER),
    "passphrase": (
        _passphrase,
        (_SPLIT, frozenset(("passphrase_mismatch",))),
        _AFTER | {"authentication_mismatch"},
    ),
    "replay": (_attack(None), (frozenset(("replayed_advert",)),), frozenset()),
    "forgery": (_attack(0), (frozenset(("forged_skew",)),), frozenset()),
    "invented": (_invented, (frozenset(("invented_senders",)),), frozenset()),
}
