"""Captures at two or three places of made networks, drawn from seeds, analyzed and judged.

    python -m tests.score.places [COUNT] [FIRST]

0 to 200 ms one way, asymmetric, with jitter, loss, duplicates and reordering; clocks apart by
seconds or minutes, that drift and are set. Judged are findings, every clock against its own
bound, and that cuts between the places are proved by them.
"""

import io
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from random import Random

from carpscope.capture.source import Capture, open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.pipeline import Analysis, analyze, survey
from carpscope.sim.frames import EPOCH
from carpscope.sim.plan import Delay, Scenario, ScheduledEvent, VantagePlan
from carpscope.sim.vantages import captured
from carpscope.sim.world import World
from tests.score import faults, healthy
from tests.score.__main__ import judged, secrets
from tests.score.draft import drafted
from tests.score.judge import Verdict, ratio
from tests.score.kinds import Kind
from tests.score.swarm import told
from tests.score.visible import visible

KINDS = (
    Kind("steady", healthy.steady),
    Kind("crash", healthy.crash),
    Kind("late", healthy.late),
    Kind("stays", healthy.stays),
    Kind("backup-restart", healthy.backup_restart),
    Kind("one-way-out", faults.one_way_out),
    Kind("one-way-back", faults.one_way_back),
    Kind("partition", faults.partition),
)
CUTS = ("one_way_link", "partition")


@dataclass(slots=True)
class Outcome:
    """What came of one seed."""

    seed: int
    kind: str
    about: str
    verdict: Verdict
    wrong: list[str] = field(default_factory=list)
    bounded: int = 0
    clocks: int = 0
    cuts: int = 0
    proved: int = 0

    def text(self) -> str:
        """Return in a line what went wrong."""
        said = [*self.verdict.reasons(), *self.wrong]
        if self.proved < self.cuts:
            said.append("cut not proved by captures")
        return f"seed {self.seed} {self.kind} ({self.about}): {'; '.join(said)}" if said else ""


def drawn(seed: int) -> tuple[str, str, Scenario]:
    """Return the kind of a seed, what its network is like, and its scenario."""
    random = Random(seed)
    kind = random.choice(KINDS)
    draft = drafted(random, **kind.wants)
    kind.add(draft)
    draft.duration = min(draft.duration, 200)
    scenario = draft.scenario(seed, f"{kind.name}-{seed}")
    names = [plan.name for plan in scenario.nodes]
    way = round(random.choice((0.0001, 0.001, 0.005, 0.015, 0.05, 0.1, 0.2)) * SECOND)
    jitter = round(way * random.choice((0, 0, 0.05, 0.3)))
    duplicate = random.choice((0, 0, 0.02, 0.1))
    reorders = random.random() < 0.3
    delays = {
        (a, b): Delay(round(way * random.uniform(0.5, 1)), jitter, duplicate, reorders)
        for a in names
        for b in names
        if a != b
    }
    loss = random.choice((0, 0, 0, 0.01, 0.05))
    events = scenario.events
    if loss:
        everybody = tuple(names)
        lossy = ScheduledEvent(0, "loss", src=everybody, dst=everybody, prob=loss)
        events = (lossy, *events)
    length = scenario.duration
    vantages = tuple(
        VantagePlan(
            name,
            name,
            0 if index == 0 else round(random.choice((0.0, 0.003, 3.0, 240.0)) * SECOND),
            random.choice((0, 0, random.randint(-50_000, 50_000))),
            ((length // 2, random.choice((-1, 1)) * 2 * SECOND),)
            if index == 1 and random.random() < 0.2
            else (),
            0.0,
            0 if random.random() < 0.8 else random.randint(0, length // 4),
            length if random.random() < 0.8 else length - random.randint(0, length // 4),
        )
        for index, name in enumerate(names[: random.choice((2, 2, 3))])
    )
    talk = random.choice((0, 2, 10)) * SECOND
    about = (
        f"{len(vantages)} places of {len(names)} nodes, {way / 1e6:g} ms, jitter {jitter / 1e6:g}, "
        f"loss {loss:g}, twice {duplicate:g}{', reordered' if reorders else ''}, "
        f"{'talk' if talk else 'no talk'}{', set' if any(v.steps for v in vantages) else ''}"
    )
    made = replace(scenario, delays=delays, events=events, vantages=vantages, talk=talk)
    return kind.name, about, made


def written(world: World, folder: Path) -> list[str]:
    """Write what every place of a world captured."""
    paths = []
    for plan in world.scenario.vantages:
        path = folder / f"{plan.name}.pcap"
        stream = io.BytesIO()
        writer = PcapWriter(stream)
        for frame in captured(world, plan):
            writer.write(frame)
        path.write_bytes(stream.getvalue())
        paths.append(str(path))
    return paths


def opened(paths: Sequence[str]) -> list[Capture]:
    """Open captures."""
    return [open_capture(path, index) for index, path in enumerate(paths)]


def outcome(seed: int) -> Outcome:
    """Run one seed through everything."""
    kind, about, scenario = drawn(seed)
    world = World(scenario)
    world.run()
    document = told(world)
    labels = visible(world, document)
    with tempfile.TemporaryDirectory() as folder:
        paths = written(world, Path(folder))
        vantage = survey(opened(paths))
        analysis = analyze(opened(paths), secrets(document, "full"), vantage=vantage)
    result = Outcome(seed, kind, about, judged(analysis, labels, "full", EPOCH))
    result.wrong += list(_clocks(analysis, scenario, result))
    named = {plan.name for plan in scenario.vantages}
    for label in result.verdict.hits:
        sides = [set(side) for side in label.get("sides", ())]
        if label["label"] in CUTS and all(side & named for side in sides):
            result.cuts += 1
            result.proved += any(
                f.label in CUTS and f.explanation.startswith("Proved") for f in analysis.findings
            )
    return result


def _clocks(analysis: Analysis, scenario: Scenario, result: Outcome) -> list[str]:
    """Hold every clock against what it says of itself, away from where it was set."""
    assert analysis.vantage is not None
    wrong = []
    base = scenario.vantages[0]
    for clock, plan in zip(analysis.vantage.clocks[1:], scenario.vantages[1:], strict=True):
        result.clocks += 1
        if clock.bound is None or not clock.known:
            continue
        result.bounded += 1
        # what nobody else saw tells of no clock
        shared = [(part.start, part.end) for part in clock.segments]
        worst = max(
            [(0, 0)]
            + [
                (_error(clock.corrected(EPOCH + plan.shown(at)), base, at), at)
                for at in range(plan.start, plan.end, SECOND)
                if all(abs(at - when) > 5 * SECOND for when, _ in plan.steps)
                and not any(
                    step.after <= EPOCH + base.shown(at) <= step.before for step in clock.steps
                )
                and shared[0][0] <= EPOCH + plan.shown(at) <= shared[-1][1]
            ]
        )
        if worst[0] > clock.bound + MILLISECOND // 100:
            wrong.append(
                f"clock of {plan.name} off by {worst[0] / 1e6:.3f} ms at {worst[1] / 1e9:g} s, "
                f"bound {clock.bound / 1e6:.3f}"
            )
        elif sum(step.is_clock for step in clock.steps) > len(plan.steps):
            wrong.append(f"clock of {plan.name} was not set so often")
    return wrong


def _error(corrected: Nanos, base: VantagePlan, at: Nanos) -> Nanos:
    return abs(corrected - (EPOCH + base.shown(at)))


def main(arguments: Sequence[str]) -> int:
    """Run seeds over two processes and print what came of them."""
    count, first = [int(text) for text in [*arguments, *("300", "1")[len(arguments) :]]][:2]
    with get_context("fork").Pool(2) as pool:
        outcomes = list(pool.imap(outcome, range(first, first + count), chunksize=4))
    for one in outcomes:
        if one.text():
            print(one.text())
    false = sum(len(one.verdict.false) for one in outcomes)
    misses = sum(len(one.verdict.misses) for one in outcomes)
    quiet = [one for one in outcomes if one.verdict.healthy]
    print(f"\n{len(outcomes)} networks: {false} false findings, {misses} missed")
    print("quiet   ", ratio(sum(not one.verdict.false for one in quiet), len(quiet)))
    print("proved  ", ratio(sum(o.proved for o in outcomes), sum(o.cuts for o in outcomes)))
    print("bounded ", ratio(sum(o.bounded for o in outcomes), sum(o.clocks for o in outcomes)))
    print("clocks beyond their bound:", sum(bool(one.wrong) for one in outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
