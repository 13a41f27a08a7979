"""Capture filters in tcpdump's language, compiled by libpcap.

The same words mean other bytes on every link type, so an expression is compiled
for each link type when its first frame comes.
"""

from typing import Protocol

from carpscope.capture.linktypes import ETHERNET, link_name
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.text import shown

_SNAPLEN = 262_144
_NETMASK_UNKNOWN = 0xFFFF_FFFF
"""`ip broadcast` cannot be compiled without a mask, and a file does not tell one."""

_DLT = {14: 12, 50: 50, 100: 11, 101: 12, 106: 19}
"""Where libpcap's own number (on Linux) differs from the one in files: raw IP is 12."""

_OTHERS = (101, 113, 276, 105, 0)
"""Link types to try where an expression makes no sense on Ethernet."""

_REJECTS_ALL = "expression rejects all packets"


class _Program(Protocol):
    """pcapy's compiled filter."""

    def filter(self, data: bytes, /) -> int: ...


class FrameFilter:
    """An expression that frames of any link type can be put to."""

    def __init__(self, expression: str) -> None:
        """Compile for Ethernet, or another link type the expression is made for.

        Raises CarpscopeError with libpcap's words where it fits none.
        """
        self.expression = expression
        self.notes: list[str] = []
        """Link types the expression cannot be put to; their frames do not match."""
        self._programs: dict[int, _Program | None] = {}
        first = self._compiled(ETHERNET)
        if isinstance(first, str) and all(
            isinstance(self._compiled(link), str) for link in _OTHERS
        ):
            raise CarpscopeError(f"filter {shown(repr(expression))}: {first}")

    def matches(self, frame: Frame) -> bool:
        """Tell whether a frame passes.

        `len`, `less` and `greater` see what was captured: pcapy does not hand
        over the length on the wire.
        """
        try:
            program = self._programs[frame.link]
        except KeyError:
            program = self._program(frame.link)
        return program is not None and program.filter(frame.data) != 0

    def _program(self, link: int) -> _Program | None:
        compiled = self._compiled(link)
        if isinstance(compiled, str):
            if compiled != _REJECTS_ALL:
                self.notes.append(
                    f"the filter does not apply to {link_name(link)} packets, none matches: "
                    f"{compiled}"
                )
            self._programs[link] = None
        else:
            self._programs[link] = compiled
        return self._programs[link]

    def _compiled(self, link: int) -> "_Program | str":
        """Compile for a link type; libpcap's words where it refuses."""
        import pcapy  # noqa: PLC0415  not needed without a filter

        try:
            program: _Program = pcapy.compile(
                _DLT.get(link, link), _SNAPLEN, self.expression, 1, _NETMASK_UNKNOWN
            )
        except pcapy.PcapError as error:
            return shown(str(error)).removeprefix("can't parse filter expression: ")
        except ValueError as error:  # a NUL in the expression
            return str(error)
        return program


def compile_filter(expression: str) -> FrameFilter:
    """Compile a tcpdump expression. Raises CarpscopeError, one line, where it is none."""
    return FrameFilter(expression)
