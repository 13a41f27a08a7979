"""Running carpscope as a person does, in this process or in one of its own."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from carpscope.cli.main import main

ROOT = Path(__file__).parents[1]
CAPTURES = ROOT / "captures"
COMMAND = (sys.executable, "-m", "carpscope")


class Result(NamedTuple):
    """What a run left."""

    status: int
    out: str
    err: str


def capture(name: str) -> str:
    """Return the path of a shipped capture."""
    return str(CAPTURES / name / "capture.pcap")


def run(*arguments: str) -> Result:
    """Run in this process, output as into a pipe."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n", write_through=True)
    err = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    out.flush()
    raw = out.buffer
    assert isinstance(raw, io.BytesIO)
    return Result(status, raw.getvalue().decode(), err.getvalue())


def start(
    *arguments: str,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = COMMAND,
) -> Result:
    """Run in a process of its own."""
    done = subprocess.run(
        [*prefix, *arguments],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        check=False,
        timeout=120,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())
