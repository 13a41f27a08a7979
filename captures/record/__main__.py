"""`python -m captures.record`: record the captures of this folder anew."""

import argparse
import concurrent.futures
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

from captures.record import about, article
from captures.record.label import named
from captures.record.plan import Story
from captures.record.stage import Stage, StoppedError
from captures.record.stories import STORIES
from captures.record.truth import labels

_FOLDER = Path(__file__).resolve().parent.parent
_PACKAGES = {
    "ucarp": "ucarp",
    "keepalived": "keepalived",
    "tcpdump": "tcpdump",
    "ip": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
}
_ATTEMPTS = 3
"""Elections have chance in them: a run that became another story is performed again."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m captures.record", description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", help="this capture (repeatable)")
    parser.add_argument("--list", action="store_true", help="list the captures and exit")
    parser.add_argument(
        "--jobs", type=int, default=4, metavar="N", help="record N at a time (default 4)"
    )
    options = parser.parse_args(argv)
    if options.list:
        for story in STORIES:
            print(f"{story.name:30} {story.seconds:3.0f} s  {', '.join(story.expects)}")
        print(f"{article.NAME:30}   0 s  (not recorded: printed in an article)")
        return 0
    known = [*(story.name for story in STORIES), article.NAME]
    wanted: list[str] = options.only or known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        return _refuse(f"no capture is called {unknown[0]}; --list names them")
    stories = [story for story in STORIES if story.name in wanted]
    if stories and (problem := _obstacle()):
        return _refuse(problem)
    if article.NAME in wanted:
        article.write(_FOLDER / article.NAME)
        print(f"{article.NAME}: written", flush=True)
    return _record_all(stories, max(1, options.jobs))


def _record_all(stories: list[Story], jobs: int) -> int:
    stop = threading.Event()

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    versions = _versions() if stories else {}
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        runs = {pool.submit(_record, story, versions, stop): story for story in stories}
        for run in concurrent.futures.as_completed(runs):
            problem = run.exception()
            if problem is None:
                print(f"{runs[run].name}: {run.result()}", flush=True)
            elif not isinstance(problem, StoppedError):
                failed += 1
                print(f"{runs[run].name}: not recorded: {problem}", file=sys.stderr, flush=True)
    if stop.is_set():
        return 130
    return 2 if failed else 0


def _record(story: Story, versions: dict[str, str], stop: threading.Event) -> str:
    """Perform the story until it has the labels it is told for, and keep that run only."""
    outcome: tuple[str, ...] = ()
    for _ in range(_ATTEMPTS):
        if stop.is_set():
            raise StoppedError
        with tempfile.TemporaryDirectory(prefix="carprec-") as name:
            work = Path(name)
            capture = work / "capture.pcap"
            chronicle, macs = Stage(story, work, stop).perform(capture)
            found = labels(story, chronicle)
            outcome = named(found)
            if outcome != story.expects:
                continue
            about.write(work, about.Recording(story, chronicle, found, macs, versions))
            target = _FOLDER / story.name
            target.mkdir(exist_ok=True)
            for file in ("capture.pcap", "about.toml", "capture.json"):
                shutil.copyfile(work / file, target / file)
            return f"{', '.join(outcome)}"
    raise RuntimeError(f"it turned out as {outcome}, not {story.expects}, {_ATTEMPTS} times")


def _obstacle() -> str | None:
    """Why nothing can be recorded here."""
    if platform.system() != "Linux":
        return "captures are recorded on Linux only"
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    os.environ["PATH"] = path
    for tool, package in _PACKAGES.items():
        if shutil.which(tool) is None:
            return f"{tool} is missing: install the Debian package {package}"
    if os.geteuid() != 0:
        return "recording needs root, for network namespaces"
    return None


def _versions() -> dict[str, str]:
    """What the programs say of themselves."""
    kernel = platform.release().partition("-")[0]  # what follows names a build, not a version
    return {
        "ucarp": _first_line("ucarp", "--help", starts="ucarp "),
        "keepalived": _first_line("keepalived", "--version", starts="Keepalived "),
        "tcpdump": _first_line("tcpdump", "--version", starts="tcpdump "),
        "kernel": f"Linux {kernel}",
    }


def _first_line(*argv: str, starts: str) -> str:
    said = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10)
    lines = (said.stdout + said.stderr).splitlines()
    return next((line.strip() for line in lines if line.startswith(starts)), "unknown")


def _refuse(problem: str) -> int:
    print(f"captures.record: {problem}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
