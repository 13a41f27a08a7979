"""Faults at random on a LAN of real nodes: `python -m tests.live.soak MINUTES [SEED]`.

Pairs of ucarps elect their masters in namespaces; carpscope watches the span port with
everything on. Round by round each pair suffers a fault drawn from SEED (`tests.live.episodes`),
and now and then the span port itself goes down. At the end every finding is held against the
schedule: what was provable has to have been told, and nothing else. Exit status 1 where not.

Memory, open files and threads of carpscope are sampled all the time; its drops are at the end.
"""

import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from captures.record.lan import run
from captures.record.plan import Ucarp
from carpscope.core.units import parse_rfc3339
from tests.live.episodes import INTRUDER, KINDS, OTHER_PASSPHRASE, Episode, Pair, Stagehand, pair
from tests.live.stage import Event, scene

PAIRS = 5
ROUND_S = 75
"""The longest that a round and the closing of what it opened take."""
GRACE_S = 40
"""What a repair itself shows may be told so much later."""
LATEST_S = 1.5


@dataclass(slots=True)
class Samples:
    """What the process needed, over time."""

    memory_mib: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def take(self, pid: int) -> None:
        status = Path(f"/proc/{pid}/status").read_text()

        def of(name: str) -> int:
            found = re.search(rf"{name}:\s*(\d+)", status)
            return int(found[1]) if found else 0

        self.memory_mib.append(of("VmRSS") / 1024)
        self.threads.append(of("Threads"))
        self.files.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))

    def rows(self) -> list[str]:
        named = (("MiB", self.memory_mib), ("open files", self.files), ("threads", self.threads))
        return [
            f"  {name:10} {values[len(values) // 10]:8.0f} at first {values[-1]:8.0f} at last "
            f"{max(values):8.0f} at most"
            for name, values in named
            if values
        ]


@dataclass(slots=True)
class Outcome:
    """What a soak has shown."""

    episodes: list[Episode]
    problems: list[str]
    delays_s: list[float]
    samples: Samples
    said: list[str]


def soak(folder: Path, seconds: float, seed: int, pairs: int = PAIRS) -> Outcome:
    """Do rounds until the time is over, and check what was told."""
    there = [pair(number) for number in range(1, pairs + 1)]
    hosts = [host for one in there for host in one.hosts]
    addresses = ",".join(one.hosts[0].ucarps[0].address for one in there)
    secrets = ["-p", Ucarp().passphrase, "-p", OTHER_PASSPHRASE, "-a", addresses]
    outputs = ["--metrics", "127.0.0.1:0", "-w", str(folder / "kept.pcapng")]
    outputs += ["--evidence", str(folder / "evidence"), "--state", str(folder / "state.json")]
    with scene(folder, *hosts, INTRUDER) as stage:
        watcher = stage.watch("-i", "span1", *secrets, *outputs, "--user", "root")
        hand = Stagehand(stage, watcher, folder, seed)
        samples = Samples()
        over = threading.Event()
        sampler = threading.Thread(target=_sample, args=(samples, watcher.process.pid, over))
        sampler.start()
        try:
            for one in there:
                hand.start(one.hosts[0])
            hand.wait(lambda: all(hand.masters(one.group) for one in there), 15)
            for one in there:
                hand.start(one.hosts[1])
            hand.rest(5)
            deadline = time.monotonic() + seconds
            number = 0
            while time.monotonic() < deadline:
                number += 1
                _round(hand, there, number)
        finally:
            over.set()
            sampler.join()
        watcher.end()
        events = list(watcher.events)
        problems = [f"{e.kind} in {e.pair.group}: {p}" for e in hand.done for p in e.problems]
        problems += invented(events, hand.done)
        return Outcome(hand.done, problems, delays(events), samples, watcher.errors)


def _round(hand: Stagehand, pairs: list[Pair], number: int) -> None:
    kinds = hand.chance.sample(sorted(KINDS), len(pairs))
    offsets = [hand.chance.uniform(0, 5) for _ in pairs]

    def act(one: Pair, kind: str, offset: float) -> None:
        hand.rest(offset)
        episode = hand.episode(one, kind)
        told = episode.skipped or "; ".join(episode.problems) or "as it has to be"
        print(f"round {number} {one.group} {kind}: {told}", file=sys.stderr, flush=True)

    acting = [
        threading.Thread(target=act, args=one) for one in zip(pairs, kinds, offsets, strict=True)
    ]
    for thread in acting:
        thread.start()
    for thread in acting:
        thread.join()
    hand.wait(lambda: not any(hand.open(one.group) for one in pairs), ROUND_S)
    if hand.chance.random() < 0.3:
        _blink(hand)
    hand.wait(lambda: all(len(hand.masters(one.group)) == 1 for one in pairs), 15)


def _blink(hand: Stagehand) -> None:
    """Take the span port down for a while: what is not heard then means nothing."""
    switch = ["ip", "-n", hand.stage.lan.switch, "link", "set", "span1"]
    run(*switch, "down")
    hand.rest(7)
    run(*switch, "up")
    hand.rest(3)


def _sample(samples: Samples, pid: int, over: threading.Event) -> None:
    while not over.wait(2):
        try:
            samples.take(pid)
        except OSError:
            return


def invented(events: list[tuple[float, Event]], episodes: list[Episode]) -> list[str]:
    """Return the findings that no fault explains."""
    problems = []
    for at, event in events:
        if event["event_type"] != "finding" or event["action"] != "opened":
            continue
        label = event["finding"]["label"]
        meant = any(
            episode.pair.group == event["group"]
            and episode.start <= at <= episode.end + GRACE_S
            and label in frozenset().union(episode.may, *episode.must)
            for episode in episodes
        )
        if not meant:
            problems.append(f"invented in {event['group']}: {event['message']}")
    return problems


def delays(events: list[tuple[float, Event]]) -> list[float]:
    """Return how long after it could be proved each split brain was told."""
    return [
        at - parse_rfc3339(event["finding"]["start"]) / 1e9 - 1.07 * (1 + 40 / 256) - 0.05
        for at, event in events
        if event["event_type"] == "finding"
        and event["action"] == "opened"
        and event["finding"]["label"] == "split_brain"
        and not event["finding"]["why"]
    ]


def main(minutes: float, seed: int) -> int:
    if os.geteuid() != 0 or not all(map(shutil.which, ("gcc", "ucarp", "nft", "ip"))):
        print("needs root for namespaces, ucarp, nftables, iproute2 and gcc", file=sys.stderr)
        return 2
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        outcome = soak(Path(folder), minutes * 60, seed)
    done = Counter(episode.kind for episode in outcome.episodes if not episode.skipped)
    wrong = Counter(episode.kind for episode in outcome.episodes if episode.problems)
    print(f"{done.total()} faults in {minutes:g} minutes")
    for kind in sorted(KINDS):
        print(f"  {kind:10} {done[kind]:4} done {done[kind] - wrong[kind]:4} as they have to be")
    if outcome.delays_s:
        late = sum(delay > LATEST_S for delay in outcome.delays_s)
        print(
            f"  split brains told {max(outcome.delays_s):.2f} s after they could be proved at the "
            f"latest, {late} of {len(outcome.delays_s)} later than {LATEST_S} s"
        )
    print("\n".join(outcome.samples.rows()))
    print("  " + "; ".join(outcome.said[:4]))
    for problem in outcome.problems:
        print(f"  WRONG {problem}")
    return int(bool(outcome.problems))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
