"""`carpscope analyze FOLDER`: read a folder, and what to show meanwhile."""

import argparse
import sys
from collections.abc import Iterator

from carpscope.archive.reading import Archive, FolderOptions
from carpscope.archive.workers import Tls
from carpscope.auth.effort import Effort
from carpscope.cli import options as shared
from carpscope.cli.terminal import Steps
from carpscope.config import Config
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.text import shown
from carpscope.pipeline import Analysis, analyze
from carpscope.timeline.copies import RotatedFiles

_SEARCHING = "searching passphrases and addresses"
_OFTEN = 10_000
"""Frames between two looks at the bar."""


def analyzed(folder: str, options: argparse.Namespace, config: Config) -> Analysis:
    """Read all files of a folder and analyze them as one capture."""
    if options.count is not None:
        raise CarpscopeError("--count counts the packets of a file, a folder is read whole")
    accepts = shared.accepts(options)
    tls = Tls(options.tls_ca_file, options.tls_cert, options.tls_key)
    if any(tls) and options.scheduler is None:
        raise CarpscopeError("--tls-ca-file, --tls-cert and --tls-key are for --scheduler")
    wish = FolderOptions(options.workers, options.scheduler, tls, options.digest, _warn)
    quiet = options.quiet or options.json
    with Steps(quiet=quiet) as steps, _reading(folder, wish, steps) as archive:
        overlap = RotatedFiles(len(archive.recordings))
        analysis = analyze(
            archive.recordings,
            config,
            accepts=accepts,
            effort=Effort(tell=lambda done, most: steps.show(_SEARCHING, done, most)),
            frames=overlap.once(_counted(archive.frames(), steps, archive.frame_count)),
        )
        for index, count in enumerate(overlap.advertisements):
            analysis.advertisements[index] += count
        analysis.folder = archive.folder._replace(doubled=sum(overlap.packets))
        analysis.notes += archive.notes
        return analysis


def _warn(told: str) -> None:
    print(f"carpscope: {shown(told)}", file=sys.stderr)


def _reading(folder: str, wish: FolderOptions, steps: Steps) -> Archive:
    done = total = 0

    def told(now: int, all_of_it: int) -> None:
        nonlocal done, total
        done, total = now, all_of_it
        steps.show("reading", done, total)

    try:
        return Archive(folder, wish, told)
    except KeyboardInterrupt:
        share = f"{100 * done // total} % " if total else ""
        print(f"carpscope: {share}of {shown(folder)} was read", file=sys.stderr)
        raise


def _counted(frames: Iterator[Frame], steps: Steps, total: int) -> Iterator[Frame]:
    for number, frame in enumerate(frames):
        if number % _OFTEN == 0:
            steps.show("analyzing", number, total)
        yield frame
