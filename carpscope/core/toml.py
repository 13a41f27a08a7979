"""TOML that anybody may have written: tomllib, and what it would stumble over.

tomllib takes a dotted key apart in steps that grow with the square of its dots, passes on
that a number is too long for int(), and follows brackets until Python's stack ends. Each is
one line here, with the place where tomllib tells one.
"""

import re

from carpscope.core.errors import CarpscopeError

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
