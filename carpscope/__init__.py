"""carpscope reads CARP, the Common Address Redundancy Protocol, and says what is wrong."""

from carpscope.core.errors import CarpscopeError as CarpscopeError

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from carpscope.checking.run import Check

__version__ = "0.1.0"


def check(
    paths: "Sequence[str]",
    *,
    segments: "dict[str, list[tuple[str, str]]] | None" = None,
    systems: "dict[str, str] | None" = None,
    events: int = 3,
    strict: bool = False,
    capture: "str | None" = None,
) -> "Check":
    """Check configurations: `carpscope.check(["fw1/", "fw2/"])`; CarpscopeError if it cannot.

    The options are those of the command: `segments={"lan": [("fw1", "em0"), ("fw2", "em0")]}`.
    """
    from carpscope.checking import run  # noqa: PLC0415 - importing carpscope must stay cheap

    wishes = run.Wishes(segments or {}, systems or {}, events, strict, capture)
    return run.check(paths, wishes)
