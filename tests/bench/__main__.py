"""`make bench`: measures every subject, or those named: `python -m tests.bench dense mixed`."""

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.bench import archive, growth, search, simulation, startup, throughput
from tests.bench.measure import Result, measured
from tests.bench.printed import document, insert, table

SUBJECTS = (
    startup.SUBJECTS
    | throughput.SUBJECTS
    | search.SUBJECTS
    | simulation.SUBJECTS
    | archive.SUBJECTS
    | growth.SUBJECTS
)

ONLY_WHEN_NAMED = {"mixed-tshark"}
"""Minutes for one figure."""


def main() -> int:
    """Measure and print tables; 1 where a target is missed."""
    parser = argparse.ArgumentParser("python -m tests.bench")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--rounds", type=int, metavar="N", help="so many, where time is short")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--doc", type=Path, metavar="PAGE", help="put the tables into its marks")
    options = parser.parse_args()
    for name in options.subjects:
        if name not in SUBJECTS:
            parser.error(f"{name}: no such subject; there are {', '.join(SUBJECTS)}")
    machine = _machine()
    print(f"{machine}\n")
    results: list[Result] = []
    for name in options.subjects or [n for n in SUBJECTS if n not in ONLY_WHEN_NAMED]:
        begun = time.monotonic()
        subject = SUBJECTS[name]()
        if options.rounds:
            subject = replace(subject, rounds=min(options.rounds, subject.rounds))
        results.append(measured(name, subject))
        print(f"{table(results[-1])}\n  ({time.monotonic() - begun:.0f} s)\n", flush=True)
    if options.json is not None:
        whole = {"machine": machine, "subjects": [document(result) for result in results]}
        options.json.write_text(json.dumps(whole, indent=1) + "\n")
    if options.doc is not None:
        insert(options.doc, machine, results)
    return int(any(not verdict.met for result in results for verdict in result.verdicts()))


def _machine() -> str:
    kernel = platform.release().partition("-")[0]
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), Linux {kernel}, "
        f"Python {platform.python_version()}; load average {os.getloadavg()[0]:.1f} at the start"
    )


if __name__ == "__main__":
    sys.exit(main())
