"""The minutes around findings, a file each, in a folder: `--evidence`.

`EvidenceWriter` remembers the last minutes and writes them down when a finding opens, with the
minutes after it. Findings that open soon after each other share a file, of which each has a name.

How many files stay has a bound, and whoever can cause findings must not push out what was there
before. So each cause has a quota: the code of a finding, and for a group that is configured its
code and that group. Of a cause the first half stays whatever follows, the rest is a ring. Where
all are too many, the oldest that is neither first nor configured goes. Nothing goes that this run
or the state file it began with has not made.

It may wait for the disk, so in a live run it has a thread of its own (`capture.disk`).
"""

import os
import re
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from carpscope.capture.batch import KernelBatch
from carpscope.capture.rotation import BUFFER_LIMIT, FLUSH_EVERY, File, LostError
from carpscope.core.errors import CarpscopeError
from carpscope.core.files import Reserve, open_to_write
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.core.values import dataclass

RING_BYTES = 32 << 20
"""What the minutes before a finding may take; on a busy span they are fewer then."""
EVIDENCE_BYTES = 256 << 20
"""What evidence that is being written may take together, as far as"""
EVIDENCE_FILE_BYTES = 64 << 20
"""every file has so much of it: a flood is told by its beginning."""
OPEN_EVIDENCE = 32
OPEN_CONFIGURED = 8
"""So many more are written at a time where they are about what is configured."""
TOGETHER: Nanos = 10 * SECOND
"""Findings that open so soon after another share its file: each has a name for it."""
FILES_KEPT = 500
QUOTA_SHARE = 8
"""Of all files one cause may have one in so many, and two at the least."""
NAMES_TRIED = 1000
_NAME = re.compile(r"CS\d{3}[A-Za-z0-9_-]*\.pcapng")


class Made(NamedTuple):
    """One file that was made, by its name in the folder."""

    name: str
    cause: str
    configured: bool = False
    """Whether it concerns what is configured."""


@dataclass(slots=True)
class _Case:
    file: File
    opened: Nanos
    until: Nanos
    names: dict[str, str]
    """By identity of a finding, the name of the file."""


class EvidenceWriter:
    """--evidence: the minutes before and after every finding."""

    def __init__(
        self, folder: str, names: "list[str]", *, around: Nanos, keep: int = FILES_KEPT
    ) -> None:
        """Make the folder. Raises CarpscopeError where it cannot be written to."""
        self._folder = Path(folder)
        self._names = names
        self._around = around
        self._keep = keep
        self._quota = max(2, keep // QUOTA_SHARE)
        self._ring: deque[KernelBatch | tuple[Frame]] = deque()
        self._bytes = 0
        self._cases: dict[str, _Case] = {}
        self.made: tuple[Made, ...] = ()
        """What may be removed, in order; replaced as a whole, so that others may look."""
        self.flushed = time.monotonic_ns()
        """When files were brought up to date last, by the monotonic clock."""
        self.lost = 0
        self.problem: str | None = None
        self._reserve = Reserve(OPEN_EVIDENCE + OPEN_CONFIGURED)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            probe = self._folder / f".probe-{os.getpid()}"
            os.close(open_to_write(probe, new=True))
            probe.unlink()
        except OSError as problem:
            raise CarpscopeError(f"--evidence {folder}: {problem.strerror}") from None

    def take_over(self, made: "list[Made]") -> None:
        """Take for ours what an earlier run made: its state file says so."""
        here = [
            one for one in made if _NAME.fullmatch(one.name) and (self._folder / one.name).is_file()
        ]
        self.made = (*here, *self.made)[-self._keep :]

    def write(self, frame: Frame) -> None:
        """Remember one frame for a while."""
        self._remember((frame,), len(frame.data), frame.at)
        for file in self._unfilled():
            file.write(frame)

    def write_batch(self, batch: KernelBatch) -> None:
        """Remember many at once."""
        self._remember(batch, batch.size, batch.last)
        for file in self._unfilled():
            file.write_batch(batch)
        batch.forget()

    def _unfilled(self) -> list[File]:
        """Return the files that are written on."""
        limit = max(EVIDENCE_FILE_BYTES, EVIDENCE_BYTES // (len(self._cases) or 1))
        files = [case.file for case in self._cases.values()]
        return [file for file in files if file.size + file.waiting < limit]

    def _remember(self, frames: KernelBatch | tuple[Frame], size: int, at: Nanos) -> None:
        ring = self._ring
        ring.append(frames)
        self._bytes += size
        horizon = at - self._around
        while ring and (self._bytes > RING_BYTES or _last(ring[0]) < horizon):
            gone = ring.popleft()
            self._bytes -= gone.size if isinstance(gone, KernelBatch) else len(gone[0].data)

    def opened(self, identity: str, told: str, at: Nanos, *, configured: str = "") -> Path | None:
        """Write down what was before a finding, and go on with what follows.

        `configured` is the group that it is about, where that is one of the configuration.
        """
        if any(identity in case.names for case in self._cases.values()):
            return None
        code = identity.partition("-")[0]
        cause = f"{code} {configured}" if configured else code
        if not self._has_room(cause, configured=bool(configured)):
            self.lost += 1
            return None
        try:
            path = self._written(identity, told, at, configured=bool(configured))
        except OSError as problem:
            self._failed(problem)
            return None
        if path is not None:
            self.problem = None
            self.made = (*self.made, Made(path.name, cause, bool(configured)))
        return path

    def _written(self, identity: str, told: str, at: Nanos, *, configured: bool) -> Path | None:
        case = self._latest(at)
        if case is not None:
            with suppress(OSError):  # not every file system has links
                path = self._linked(case, identity)
                case.names[identity] = path.name
                case.until = at + self._around
                return path
        if len(self._cases) >= OPEN_EVIDENCE + (OPEN_CONFIGURED if configured else 0):
            self.lost += 1
            return None
        with self._reserve:
            file = self._new(identity, told)
        for item in self._ring:
            if isinstance(item, KernelBatch):
                file.write_batch(item)
                item.forget()
            else:
                file.write(item[0])
            if file.waiting > BUFFER_LIMIT:
                file.flush()
        self._cases[identity] = _Case(file, at, at + self._around, {identity: file.path.name})
        file.flush()
        return file.path

    def _paths(self, identity: str) -> "list[Path]":
        """Give names for a file: what comes back later must not cost the first evidence."""
        numbers = ("", *(f"-{again}" for again in range(2, NAMES_TRIED)))
        return [self._folder / f"{identity}{number}.pcapng" for number in numbers]

    def _linked(self, case: _Case, identity: str) -> Path:
        for path in self._paths(identity):
            with suppress(FileExistsError):
                os.link(case.file.path, path)
                return path
        raise FileExistsError(0, "has too many files of one name", str(self._folder))

    def _new(self, identity: str, told: str) -> File:
        self._folder.mkdir(parents=True, exist_ok=True)  # somebody may have removed it
        for path in self._paths(identity):
            with suppress(FileExistsError):
                return File(path, self._names, told, new=True)
        raise FileExistsError(0, "has too many files of one name", str(self._folder))

    def _latest(self, at: Nanos) -> _Case | None:
        """Return a case that opened just before and is written on: it holds the same minutes."""
        unfilled = self._unfilled()
        for case in reversed(self._cases.values()):
            if 0 <= at - case.opened <= TOGETHER and case.file in unfilled:
                return case
        return None

    def tick(self, now: Nanos) -> None:
        """Flush, and close what is complete."""
        clock = time.monotonic_ns()
        if clock - self.flushed < FLUSH_EVERY - 10 * MILLISECOND:
            return
        self.flushed = clock
        for identity, case in list(self._cases.items()):
            try:
                case.file.flush()
                if now > case.until:
                    self._close(identity)
            except OSError as problem:
                self._failed(problem)

    def close(self) -> None:
        """Write the rest."""
        for identity in list(self._cases):
            try:
                self._close(identity)
            except OSError as problem:
                self._failed(problem)
        self._reserve.close()

    def _close(self, identity: str) -> None:
        case = self._cases.pop(identity)
        case.file.close()

    def _failed(self, problem: OSError) -> None:
        self.lost += problem.frames if isinstance(problem, LostError) else 0
        self.problem = f"{self._folder}: {problem.strerror}"

    # What goes

    def _has_room(self, cause: str, *, configured: bool) -> bool:
        """Make room within the quota of a cause and within all; False where nothing may go."""
        own = [one for one in self.made if one.cause == cause]
        if len(own) >= self._quota:
            self._remove(own[self._quota // 2])
        while len(self.made) >= self._keep:
            victim = self._victim(configured=configured)
            if victim is None:
                return False
            self._remove(victim)
        return True

    def _victim(self, *, configured: bool) -> Made | None:
        counted: dict[str, int] = {}
        later: list[Made] = []
        first: list[Made] = []
        for one in self.made:
            counted[one.cause] = counted.get(one.cause, 0) + 1
            (first if counted[one.cause] <= self._quota // 2 else later).append(one)
        strange = next((one for one in later if not one.configured), None)
        if strange is not None:
            return strange
        if not configured:
            return None
        latest = next((one for one in reversed(first) if not one.configured), None)
        return latest or next(iter(later or first), None)

    def _remove(self, one: Made) -> None:
        self.made = tuple(other for other in self.made if other is not one)
        for identity, case in list(self._cases.items()):
            case.names = {who: name for who, name in case.names.items() if name != one.name}
            if not case.names:
                with suppress(OSError):
                    self._close(identity)
        with suppress(OSError):
            (self._folder / one.name).unlink(missing_ok=True)


def _last(item: KernelBatch | tuple[Frame]) -> Nanos:
    return item.last if isinstance(item, KernelBatch) else item[0].at
