"""`make audit`: does anybody know of a hole in what is pinned?

Exit status: 0 nobody does, 1 somebody does, 3 nobody could be asked (no network, a mirror
without the service). What could not be asked about is never taken for sound.
"""

import json
import subprocess
import sys
from pathlib import Path

SERVICES = ("pypi", "osv")
UNREACHABLE = 3


def judged(answer: str) -> tuple[list[str], int]:
    """Return the holes an answer of pip-audit names, and how many packages it knew."""
    try:
        listed = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return [], 0
    known = [entry for entry in listed if "skip_reason" not in entry]
    holes = [
        f"{entry['name']} {entry['version']}: {hole['id']}"
        + (f", right in {', '.join(hole['fix_versions'])}" if hole.get("fix_versions") else "")
        for entry in known
        for hole in entry.get("vulns", ())
    ]
    return holes, len(known)


def main(program: str, pins: list[Path]) -> int:
    """Ask about every list of pins; print what is known; return the exit status."""
    status = 0
    for path in pins:
        for service in SERVICES:
            done = subprocess.run(
                [program, "--service", service, "--disable-pip", "--require-hashes",
                 "--format", "json", "--progress-spinner", "off", "--timeout", "10",
                 "--requirement", str(path)],
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
            )  # fmt: skip
            holes, known = judged(done.stdout)
            if known:
                break
        else:
            print(f"{path}: no vulnerability service could be reached; nothing was checked")
            status = status or UNREACHABLE
            continue
        print(f"{path}: {known} packages, {len(holes) or 'no'} known vulnerabilities ({service})")
        for hole in holes:
            print(f"  {hole}")
        status = 1 if holes else status
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], [Path(text) for text in sys.argv[2:]]))
