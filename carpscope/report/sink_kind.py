"""What an output is: `--out NAME=TARGET`. A file in `report/sinks` with a SINK is one."""

from collections.abc import Callable

from carpscope.core.errors import CarpscopeError
from carpscope.core.registry import discover
from carpscope.core.values import dataclass
from carpscope.report.outlet import Sink


@dataclass(frozen=True, slots=True)
class SinkKind:
    """One kind of output."""

    name: str
    target: str
    """What its target is, for the help."""
    summary: str
    make: Callable[[str], Sink]
    """Raises CarpscopeError or OSError where the target makes no sense."""
    named: Callable[[str], str] | None = None
    """The name of what `make` would make, for who opens something: read by root, it is opened by
    who is left after privileges are given up. Raises CarpscopeError."""


def sink_kinds() -> dict[str, SinkKind]:
    """Return every kind by its name."""
    return {kind.name: kind for kind in discover("carpscope.report.sinks", "SINK", SinkKind)}


def make_sink(text: str) -> Sink:
    """Make the sink of `name=target`. Raises CarpscopeError."""
    kind, target = _understood(text)
    try:
        return kind.make(target)
    except OSError as problem:
        raise CarpscopeError(f"--out {text}: {problem.strerror or problem}") from None


def sink_name(text: str) -> str:
    """Return the name of the sink of `name=target`; opens nothing. Raises CarpscopeError."""
    kind, target = _understood(text)
    if kind.named is not None:
        return kind.named(target)
    sink = make_sink(text)
    sink.close()
    return sink.name


def _understood(text: str) -> tuple[SinkKind, str]:
    name, equals, target = text.partition("=")
    kinds = sink_kinds()
    if name not in kinds or not equals or not target:
        known = ", ".join(kinds)
        raise CarpscopeError(f"--out {text!r}: say NAME=TARGET, where NAME is one of {known}")
    return kinds[name], target
