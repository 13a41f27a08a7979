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


def sink_kinds() -> dict[str, SinkKind]:
    """Return every kind by its name."""
    return {kind.name: kind for kind in discover("carpscope.report.sinks", "SINK", SinkKind)}


def make_sink(text: str) -> Sink:
    """Make the sink of `name=target`. Raises CarpscopeError."""
    name, equals, target = text.partition("=")
    kinds = sink_kinds()
    if name not in kinds or not equals or not target:
        raise CarpscopeError(
            f"--out {text!r}: say NAME=TARGET, where NAME is one of {', '.join(kinds)}"
        )
    try:
        return kinds[name].make(target)
    except OSError as problem:
        raise CarpscopeError(f"--out {text}: {problem.strerror or problem}") from None
