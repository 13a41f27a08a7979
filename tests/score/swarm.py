"""Captures drawn from seeds, with known truth, analyzed and judged in all three modes.

    python -m tests.score.swarm [COUNT] [FIRST] [-v]

Prints the figures per label and per implementation, and every seed in which something
was missed or invented. Same seed, same capture, same verdict.
"""

import argparse
import io
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.pipeline import analyze
from carpscope.sim.document import document
from carpscope.sim.frames import EPOCH, frames
from carpscope.sim.world import World
from tests.score.__main__ import judged, secrets
from tests.score.judge import MODES, Tally, Verdict, table
from tests.score.kinds import drawn
from tests.score.truth import shown

Json = dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """What came of one seed."""

    seed: int
    kind: str
    implementations: tuple[str, ...]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    error: str = ""

    def text(self) -> str:
        """Return in a line what went wrong, modes with the same trouble together."""
        head = f"seed {self.seed} {self.kind} ({', '.join(self.implementations)})"
        if self.error:
            return f"{head}: {self.error}"
        said: dict[str, list[str]] = {}
        for mode, verdict in self.verdicts.items():
            said.setdefault("; ".join(verdict.reasons()), []).append(mode)
        parts = [f"[{','.join(modes)}] {text}" for text, modes in said.items() if text]
        return f"{head}: {' '.join(parts)}" if parts else ""


def simulated(seed: int) -> tuple[str, World]:
    """Return the kind of a seed and its world, run to its end."""
    kind, draft = drawn(seed)
    world = World(draft.scenario(seed, f"{kind}-{seed}"))
    world.run()
    return kind, world


def captured(world: World) -> bytes:
    """Return the bytes of the pcap that a span port would write."""
    stream = io.BytesIO()
    writer = PcapWriter(stream)
    for frame in frames(world):
        writer.write(frame)
    return stream.getvalue()


def told(world: World) -> Json:
    """Return the simulation document, with every passphrase that was ever in use."""
    found: Json = document(world)
    words = [e.value for e in world.scenario.events if e.type == "set_pass"]
    return found | {"passphrases": words}


def outcome(seed: int) -> Outcome:
    """Run one seed through everything."""
    kind, world = simulated(seed)
    result = Outcome(seed, kind, tuple(plan.impl for plan in world.scenario.nodes))
    report = told(world)
    labels = shown(report)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "swarm.pcap"
        path.write_bytes(captured(world))
        for mode in MODES:
            with open_capture(str(path)) as capture:
                analysis = analyze([capture], secrets(report, mode))
            result.verdicts[mode] = judged(analysis, labels, mode, EPOCH)
    return result


def report(outcomes: Sequence[Outcome]) -> str:
    """Return the tables and the seeds that failed."""
    modes = {mode: Tally() for mode in MODES}
    implementations: dict[str, Tally] = {}
    lines = []
    for one in outcomes:
        for mode, verdict in one.verdicts.items():
            modes[mode].add(verdict)
        for implementation in sorted(set(one.implementations)):
            if "full" in one.verdicts:
                implementations.setdefault(implementation, Tally()).add(one.verdicts["full"])
        if one.text():
            lines.append(one.text())
    kinds = Counter(one.kind for one in outcomes)
    text = f"{len(outcomes)} captures of {len(kinds)} kinds\n\n{table(modes)}\n\n"
    text += "mode full, by implementation\n"
    for name, tally in sorted(implementations.items()):
        figures = tally.figures()
        cells = [f"{key} {a}/{b}" for key, (a, b) in figures.items()]
        text += f"  {name:14}{'  '.join(cells)}\n"
    return "\n".join([*lines, "", text])


def main(arguments: Sequence[str]) -> int:
    """Run seeds over two processes and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("first", type=int, nargs="?", default=1)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    seeds = range(options.first, options.first + options.count)
    print(f"seeds {seeds.start} to {seeds.stop - 1}")
    with get_context("fork").Pool(options.jobs) as pool:
        outcomes = list(pool.imap(outcome, seeds, chunksize=4))
    print(report(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
