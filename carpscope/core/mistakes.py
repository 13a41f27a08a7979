"""Our own mistakes: kept from doing harm, counted, and told; none says anything of a network.

A rule, a frame or an output that raises what it must not is left out and the run goes on.
What becomes known of it are types and places in the code, never what was looked at.
"""

import os
from collections.abc import Iterator
from types import TracebackType

import carpscope
from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field

EX_SOFTWARE = 70
"""The exit status of our own mistakes, as sysexits.h has it."""
KINDS_KEPT = 32
"""Different mistakes that are told one by one; more are only counted."""
FRAMES_KEPT = 12
_PACKAGE = carpscope.__path__[0] + os.sep


@dataclass(slots=True)
class Mistake:
    """One mistake, however often it was made."""

    where: str
    """What failed: `frame`, the code of a rule, an output."""
    place: str
    """The type of what was raised, and the line that raised it."""
    trace: str
    """Lines for who puts it right."""
    start: Nanos
    end: Nanos
    count: int = 0
    frames: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Give it as one line."""
        often = f", {self.count:,} times" if self.count > 1 else ""
        return f"{self.where}: {self.place}{often}"


class Mistakes:
    """The mistakes of one run."""

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self._kinds: dict[tuple[str, str], Mistake] = {}

    def __iter__(self) -> Iterator[Mistake]:
        """Give the different ones, the first ones first."""
        return iter(list(self._kinds.values()))

    def add(self, where: str, problem: BaseException, at: Nanos = 0, frame: int = 0) -> None:
        """Count one; any thread may."""
        self.count += 1
        key = (where, place(problem))
        one = self._kinds.get(key)
        if one is None:
            if len(self._kinds) >= KINDS_KEPT:
                return
            one = self._kinds[key] = Mistake(where, key[1], trace(problem), at, at)
        one.count += 1
        one.end = max(one.end, at)
        if frame and len(one.frames) < FRAMES_KEPT:
            one.frames.append(frame)

    def isolated(self, where: str, at: Nanos = 0, frame: int = 0) -> "Isolated":
        """Keep what is raised inside from going further, and count it."""
        return Isolated(self, where, at, frame)


class Isolated:
    """A part of a run that may fail without the rest."""

    __slots__ = ("_at", "_frame", "_mistakes", "_where")

    def __init__(self, mistakes: Mistakes, where: str, at: Nanos, frame: int) -> None:
        """Take who counts, and what to say."""
        self._mistakes, self._where, self._at, self._frame = mistakes, where, at, frame

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Swallow every exception; not what is told in one line, nor what ends a program."""
        if not isinstance(problem, Exception) or isinstance(problem, CarpscopeError):
            return False
        self._mistakes.add(self._where, problem, self._at, self._frame)
        return True


def place(problem: BaseException) -> str:
    """Say what was raised and by which line of ours."""
    kind = type(problem).__name__
    import traceback  # noqa: PLC0415  there are hardly ever any

    for frame, line in reversed(list(traceback.walk_tb(problem.__traceback__))):
        path = frame.f_code.co_filename
        if path.startswith(_PACKAGE):
            where = path.removeprefix(_PACKAGE).replace(os.sep, "/")
            return f"{kind} at {where}:{line} ({frame.f_code.co_name})"
    return kind


def trace(problem: BaseException) -> str:
    """Give the traceback, with nothing in it that a terminal obeys."""
    import traceback  # noqa: PLC0415

    lines = traceback.format_exception(problem)
    return "\n".join(shown(line) for whole in lines for line in whole.rstrip().split("\n"))


def sentence(what: str) -> str:
    """Give the line for a person: that it is our mistake, and what to send us."""
    return (
        f"this is a mistake of carpscope {carpscope.__version__} itself, nothing is known from it: "
        f"{what}; please send this line, the command and, if you may, its input to the "
        "maintainers (--debug shows more)"
    )
