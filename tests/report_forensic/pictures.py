"""Pictures of a report's page for docs/, by a real Chromium: `make pictures`.

A one-way link of the shipped captures, with the log of one of the hosts: the page as a screen and
a telephone show it, and its first printed sheet.
"""

import subprocess
import tempfile
from pathlib import Path

from tests.program import ROOT, capture, run
from tests.report_forensic.browser import browser

FOLDER = ROOT / "docs" / "pictures"
LOG = """\
2026-11-23T00:31:01.298000: [WARNING] Switching to state: MASTER
2026-11-23T00:31:19.057000: [WARNING] Switching to state: BACKUP
2026-11-23T00:31:25.000000: [WARNING] Switching to state: MASTER
"""


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as made:
        room = Path(made)
        (room / "fw2.log").write_text(LOG)
        done = run(
            "report", capture("ucarp-one-way-link"), "-q", "-o", str(room / "r"),
            "-p", "quiet-harbour-17", "--log", f"192.0.2.2={room / 'fw2.log'}",
            "--case", "17/2026", "--examiner", "R. Doe", "--created", "2026-12-01T00:00:00Z",
            "--timezone", "Europe/Berlin", "--format", "pdf",
        )  # fmt: skip
        assert done.status == 0, done.err
        with browser(room / "profile") as window:
            for name, width, height in (("report-page", 820, 940), ("report-phone", 400, 900)):
                window.resize(width, height)
                window.open(room / "r" / "report.html")
                (FOLDER / f"{name}.png").write_bytes(window.screenshot())
        sheet = ["pdftoppm", "-singlefile", "-r", "64", "-png", str(room / "r" / "report.pdf")]
        subprocess.run([*sheet, str(FOLDER / "report-printed")], check=True)
    for path in sorted(FOLDER.glob("report-*.png")):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
