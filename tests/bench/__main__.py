"""`make bench`: measures every subject, or those named: `python -m tests.bench startup`."""

import importlib
import platform
import sys
from pathlib import Path

from tests.bench.measure import Subject, measured, table

_NO_SUBJECTS = {"__init__", "__main__", "measure"}


def main(wanted: list[str]) -> int:
    """Measure and print tables; 1 where a target is missed."""
    known = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in _NO_SUBJECTS)
    missed = False
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    for name in wanted or known:
        if name not in known:
            print(f"{name}: no such subject; there are {', '.join(known)}", file=sys.stderr)
            return 2
        subject = importlib.import_module(f"tests.bench.{name}").SUBJECT
        assert isinstance(subject, Subject)
        rows = measured(subject)
        print(f"{table(subject, rows)}\n", flush=True)
        missed |= any(r.command.target is not None and r.ratio > r.command.target for r in rows)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
