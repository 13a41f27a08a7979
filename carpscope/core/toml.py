"""TOML that anybody may have written: tomllib, what it would stumble over, and lines.

tomllib takes a dotted key apart in steps that grow with the square of its dots, passes on
that a number is too long for int(), and follows brackets until Python's stack ends. Each is
one line here, with the place where tomllib tells one. What a document should hold is a msgspec
structure; a mistake names file, line and key.
"""

import re

from carpscope.core.errors import CarpscopeError
from carpscope.core.nearest import nearest

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

SIZE_LIMIT = 1 << 20
"""Bytes of a file that a person writes."""
DOTS_LIMIT = 2000
"""Of a line: as many as six hundred addresses in one list have."""

_AT_LINE = r"\s*\(at line (\d+), column \d+\)$"


def read_toml(text: str, name: str) -> dict[str, object]:
    """Read a document. Raises CarpscopeError that begins with `name:line:`, as far as known."""
    import tomllib  # noqa: PLC0415 - it takes milliseconds, and most runs read no file

    if len(text) > SIZE_LIMIT:
        raise CarpscopeError(f"{name}: is larger than {SIZE_LIMIT >> 20} MiB")
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > DOTS_LIMIT:
            raise CarpscopeError(f"{name}:{number}: more than {DOTS_LIMIT:,} dots in a line")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        told = str(problem)
        line_number = re.search(_AT_LINE, told)
        place = f"{name}:{line_number[1]}" if line_number else name
        raise CarpscopeError(f"{place}: {re.sub(_AT_LINE, '', told)}") from None
    except ValueError:  # what int() says, with all the digits
        raise CarpscopeError(f"{name}: holds a number that is too long") from None
    except RecursionError:
        raise CarpscopeError(f"{name}: is nested too deeply") from None


_HEADER = r"\s*\[(\[)?\s*([\w.\"-]+)\s*\]"
_KEY = r"\s*\"?([\w-]+)\"?\s*(?:\.[\w.-]+\s*)?="
# Compiled where a file is read (`re` keeps what it compiled): most runs read none.

Way = tuple[str | int, ...]
"""To a value: keys of tables, numbers in lists from 0."""


def line_of(text: str, way: Way) -> int:
    """Return the line of a key, or of what it should stand in.

    tomllib tells no lines, so headers and keys are counted here; inside inline tables and
    arrays the line of the whole value is given.
    """
    best, depth = 1, 0
    here: Way = ()
    counts: dict[Way, int] = {}
    for number, content in enumerate(text.splitlines(), 1):
        if header := re.match(_HEADER, content):
            found = here = _place(header[2].split("."), counts, is_list=bool(header[1]))
        elif key := re.match(_KEY, content):
            found = (*here, key[1])
        else:
            continue
        size = min(len(found), len(way))
        if size > depth and way[:size] == found[:size]:
            best, depth = number, size
    return best


def _place(names: list[str], counts: dict[Way, int], *, is_list: bool) -> Way:
    here: Way = ()
    for position, name in enumerate(names):
        here = (*here, name.strip('"'))
        if is_list and position == len(names) - 1:
            counts[here] = counts.get(here, -1) + 1
        if here in counts:
            here = (*here, counts[here])
    return here


class Document:
    """A document that was read, and where its keys stand."""

    def __init__(self, text: str, name: str) -> None:
        """Read it. Raises CarpscopeError."""
        self.values = read_toml(text, name)
        self._text, self._name = text, name

    def place(self, *way: str | int) -> str:
        """Return where a key stands, `carpscope.toml:12: group.vhid`."""
        key = ".".join(part for part in way if isinstance(part, str))
        return f"{self._name}:{line_of(self._text, way)}: {key}"

    def error(self, told: str, *way: str | int) -> CarpscopeError:
        """Make an error of what stands there, `carpscope.toml:12: group.vhid: …`."""
        return CarpscopeError(f"{self.place(*way)}: {told}")

    def converted(self, kind: "type[T]", texts: "Callable[[type, str], object]") -> "T":
        """Return it as a msgspec structure; `texts` makes what msgspec does not know of a text.

        Raises CarpscopeError that names file, line and key of a mistake.
        """
        import msgspec  # noqa: PLC0415 - most runs read no file

        def made(of: type, value: object) -> object:
            if not isinstance(value, str):
                raise ValueError("expected text")  # noqa: TRY004 - what msgspec passes on
            return texts(of, value)

        try:
            return msgspec.convert(self.values, kind, dec_hook=made)
        except msgspec.ValidationError as problem:
            raise self._mistake(kind, str(problem)) from None

    def _mistake(self, kind: type, told: str) -> CarpscopeError:
        """Tell a mistake in the words of msgspec, with its line, and a number with its value."""
        told, _, path = told.replace("`", "").partition(" - at $")
        way: Way = tuple(
            int(part) if part.isdecimal() else part
            for part in re.findall(r"[^.\[\]]+", path)
            if part != "..."
        )
        if missing := re.match(r"Object (?:contains unknown|missing required) field (.*)", told):
            way = (*way, missing[1])
            fields = sorted(_fields(kind, way[:-1]))
            known = f"no such key; known are {', '.join(fields)}{nearest(missing[1], fields)}"
            told = "is missing" if "missing" in told else known
        for theirs, ours in (
            ("str", "text"),
            ("array", "list"),
            ("object", "table"),
            (" | null", ""),
        ):
            told = told.replace(theirs, ours)
        value: object = self.values
        for part in way:
            if isinstance(value, dict):
                value = value.get(str(part))
            elif isinstance(value, list):
                value = value[int(part)]
        if isinstance(value, int | float) and "=" in told:
            told += f", not {value!r:.40}"
        return self.error(told[:1].lower() + told[1:], *way)


def _fields(kind: object, way: Way) -> tuple[str, ...]:
    """Return the keys of the structure that stands there in one."""
    from typing import get_args, get_type_hints  # noqa: PLC0415 - see `converted`

    for part in way:
        inner = get_type_hints(kind)[part] if isinstance(part, str) else get_args(kind)[0]
        kind = inner
    fields: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
    return fields
