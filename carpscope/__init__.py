"""carpscope reads CARP, the Common Address Redundancy Protocol, and says what is wrong.

The Python interface (docs/api.md) is loaded when it is first used.
"""

from carpscope.core.errors import CarpscopeError as CarpscopeError

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from carpscope.api import analyze as analyze
    from carpscope.api import check as check
    from carpscope.api import dissect as dissect
    from carpscope.api import read as read
    from carpscope.api import simulate as simulate

__version__ = "0.2.0"


def __getattr__(name: str) -> object:
    if name in {"analyze", "check", "dissect", "read", "simulate"}:
        import importlib  # noqa: PLC0415 - importing carpscope must stay cheap

        return getattr(importlib.import_module("carpscope.api"), name)
    raise AttributeError(f"module 'carpscope' has no attribute {name!r}")
