"""Holding a run against a reference trace, as exactly as its remaining chance allows.

    python -m tests.sim.conform [FOLDER…]

runs every trace of the folders (those of tests/data, unless others are named) and prints where
the simulator does otherwise; `make conform` calls it.

Per node and vhid: the same net states in the same order, the same advertisements per
family, each within one timer tick and 1 ms (50 ms for ucarp, whose sleeps vary), and
the same refusals. What happens in the last 50 ms may fall on either side of the end.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from carpscope.sim.document import document
from carpscope.sim.scenario import load
from carpscope.sim.world import World

TRACES = Path(__file__).parent.parent / "data" / "traces" / "exact"
FOLDERS = (TRACES, TRACES.parent / "exact2")
_END = 0.05

Series = dict[Hashable, list[tuple[Any, ...]]]


def trace(path: Path) -> dict[str, Any]:
    """Read a reference trace."""
    values: dict[str, Any] = json.loads(path.read_text())
    return values


def differences(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[str]:
    """Return where two documents differ; nothing for a run that conforms."""
    end = expected["scenario"]["duration"] - _END
    slack = {
        node["name"]: 0.05 if node["impl"] == "ucarp" else 1 / node["hz"] + 0.001
        for node in expected["scenario"]["nodes"]
    }
    found = []
    for what, view in (("states", states), ("adverts", adverts)):
        want, got = view(expected, end), view(actual, end)
        for key in sorted(want.keys() | got.keys(), key=str):
            a, b = want.get(key, []), got.get(key, [])
            if [x[1:] for x in a] != [x[1:] for x in b]:
                found.append(f"{what} of {key}: {_first(a, b)}")
                continue
            node = key[0] if isinstance(key, tuple) else ""
            late = [
                (x[0], y[0])
                for x, y in zip(a, b, strict=True)
                if abs(x[0] - y[0]) > slack.get(node, 0.021)
            ]
            if late:
                found.append(f"times of {what} of {key}: {late[0]}")
    if _refusals(expected) != _refusals(actual):
        found.append(f"refusals: {_refusals(expected)} and {_refusals(actual)}")
    return found


def _first(a: list[tuple[Any, ...]], b: list[tuple[Any, ...]]) -> str:
    at = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x[1:] != y[1:]),
        min(len(a), len(b)),
    )
    return f"number {at} is {a[at : at + 1]} and {b[at : at + 1]}"


def states(document: Mapping[str, Any], end: float) -> Series:
    out: Series = defaultdict(list)
    for item in sorted(document["transitions"], key=lambda item: item["t"]):
        series = out[item["node"], item["vhid"]]
        if series and abs(series[-1][0] - item["t"]) < 1e-5:
            at, first, _ = series.pop()
            if first != item["to"]:
                series.append((at, first, item["to"]))
        elif item["from"] != item["to"]:
            series.append((item["t"], item["from"], item["to"]))
    return {key: [x for x in series if x[0] < end] for key, series in out.items()}


def adverts(document: Mapping[str, Any], end: float) -> Series:
    out: Series = defaultdict(list)
    for item in sorted(document["advertisements"], key=lambda item: item["t"]):
        if item["t"] < end:
            out[item["node"], item["vhid"], item["af"]].append(
                (item["t"], item["advbase"], item["advskew"], item["demote"])
            )
    return out


def _refusals(document: Mapping[str, Any]) -> Counter[tuple[str, int, str]]:
    return Counter((r["node"], r["vhid"], r["reason"]) for r in document["rejections"])


def run(path: Path) -> list[str]:
    """Run the scenario of a trace; return where it differs from the trace."""
    world = World(load(path))
    world.run()
    return differences(trace(path), document(world))


def main(arguments: Sequence[str]) -> int:
    """Print the figures of each folder, and what differs."""
    is_same = True
    with get_context("fork").Pool(2) as pool:
        for folder in [Path(name) for name in arguments] or FOLDERS:
            paths = sorted(folder.glob("*.json"))
            exact = 0
            for path, found in zip(paths, pool.imap(run, paths), strict=True):
                exact += not found
                for text in found:
                    print(f"  {path.stem}: {text}")
            print(f"{folder}: {exact} of {len(paths)} traces are met exactly")
            is_same = is_same and exact == len(paths)
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
