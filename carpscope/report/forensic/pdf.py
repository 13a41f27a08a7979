"""The page as PDF, printed by a Chromium that is installed: no library lays it out as well.

It runs without a window, in a folder of its own that is gone afterwards, and reaches no network.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown

NAME = "report.pdf"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 120
_FLAGS = (
    "--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
)  # fmt: skip


def browser() -> str:
    """Return the program that prints. Raises CarpscopeError where there is none."""
    for name in PROGRAMS:
        if (path := shutil.which(name)) is not None:
            return path
    raise CarpscopeError(f"--format pdf: needs a Chromium: {', '.join(PROGRAMS[:3])}")


def printed(page: bytes, *, is_root: bool) -> bytes:
    """Print a page. Raises CarpscopeError where that fails."""
    program = browser()
    with tempfile.TemporaryDirectory(prefix="carpscope-") as folder:
        source, target = Path(folder) / "report.html", Path(folder) / NAME
        source.write_bytes(page)
        words = [
            program,
            *_FLAGS,
            *(["--no-sandbox"] if is_root else []),  # Chromium refuses root otherwise
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={target}",
            source.as_uri(),
        ]
        try:
            done = subprocess.run(
                words, capture_output=True, timeout=PATIENCE_S, check=False, cwd=folder
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise CarpscopeError(f"--format pdf: {shown(str(problem))[:200]}") from None
        if not target.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            why = shown(said[-1])[:200] if said else f"status {done.returncode}"
            raise CarpscopeError(f"--format pdf: {Path(program).name} printed nothing ({why})")
        return target.read_bytes()
