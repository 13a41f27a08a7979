"""Reading what a person wrote: a table of keys whose mistakes are told with their place.

JSON and TOML both become dicts. A `Table` is one of them with the way to it, so that
a mistake can be said as `office.toml:12: nodes[1].advskew: 300 is not 0 to 255`.
"""

from typing import NoReturn

from carpscope.core.address import parse_ip
from carpscope.core.errors import CarpscopeError
from carpscope.core.toml import line_of
from carpscope.core.units import SECOND, Nanos
from carpscope.core.values import dataclass, field


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """The file a scenario was read from; its text, if lines can be told from it."""

    name: str
    toml: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with its place; every key that was read is remembered."""

    origin: ScenarioFile
    values: dict[str, object]
    path: tuple[str | int, ...] = ()
    read: set[str] = field(default_factory=set)

    def wrong(self, key: str, problem: str) -> NoReturn:
        """Say what is wrong with a key, and where."""
        path = (*self.path, key) if key else self.path
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        line = line_of(self.origin.toml, path) if self.origin.toml else 0
        place = f"{self.origin.name}:{line}" if line else self.origin.name
        raise CarpscopeError(f"{place}: {text.lstrip('.') or 'scenario'}: {problem}")

    def has(self, key: str) -> bool:
        """Tell whether a key stands there."""
        return self.values.get(key) is not None

    def get(self, key: str) -> object:
        """Return a value as it stands, or None."""
        self.read.add(key)
        return self.values.get(key)

    def refuse_unknown(self, of: str = "") -> None:
        """Refuse a key that nobody asked for; `of` says whose keys they are (" of 'crash'")."""
        for key in self.values:
            if key not in self.read:
                self.wrong(key, f"no such key{of}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string; without a default it must be there."""
        value = self.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            self.wrong(key, "missing" if value is None else f"{value!r} is not text")
        try:
            value.encode()
        except UnicodeEncodeError:  # JSON can say half of a surrogate pair
            self.wrong(key, "is not Unicode text")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(key, f"{value!r} is not true or false")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Return any number."""
        value = self.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(key, "missing" if value is None else f"{value!r} is not a number")
        if abs(value) > 1e12 or value != value:  # noqa: PLR0124 - NaN is not itself
            self.wrong(key, f"{value!r} is out of range")
        return value

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number from `low` to `high`."""
        value = self.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(key, "missing" if value is None else f"{value!r} is not a whole number")
        if not low <= value <= high:
            self.wrong(key, f"{value} is not {low} to {high}")
        return value

    def maybe_whole(self, key: str, low: int, high: int) -> int | None:
        """Return a whole number, or None where there is none."""
        return self.whole(key, low, high) if self.has(key) else None

    def nanos(self, key: str, default: Nanos | None = None, unit: Nanos = SECOND) -> Nanos:
        """Return a time given in seconds (or another unit) as nanoseconds."""
        if default is not None and not self.has(key):
            self.read.add(key)
            return default
        return round(self.number(key) * unit)

    def address(self, key: str, size: int) -> bytes:
        """Return an address of 4 or 16 bytes."""
        return self._address(key, self.text(key), (size,))

    def addresses(self, key: str, sizes: tuple[int, ...]) -> tuple[bytes, ...]:
        """Return a list of addresses; one alone may stand without brackets."""
        value = self.get(key)
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        return tuple(self._address(key, item, sizes) for item in items)

    def _address(self, key: str, text: object, sizes: tuple[int, ...]) -> bytes:
        if not isinstance(text, str):
            self.wrong(key, f"{text!r} is not an address")
        try:
            address = parse_ip(text, where="")
        except CarpscopeError:
            self.wrong(key, f"{text!r} is not an IPv4 or IPv6 address")
        if len(address) not in sizes:
            self.wrong(key, f"{text} is not an IPv{4 if 4 in sizes else 6} address")
        return address

    def mac(self, key: str, default: bytes) -> bytes:
        """Return a MAC address."""
        if not self.has(key):
            return default
        text = self.text(key)
        digits = text.replace(":", "").replace("-", "")
        try:
            value = bytes.fromhex(digits)
        except ValueError:
            value = b""
        if len(value) != 6:
            self.wrong(key, f"{text!r} is not a MAC address")
        return value

    def names(self, key: str) -> tuple[str, ...]:
        """Return a list of names; one alone may stand without brackets."""
        value = self.get(key)
        items = value if isinstance(value, list) else [value]
        if not items or not all(isinstance(item, str) for item in items):
            self.wrong(key, "missing" if value is None else f"{value!r} is not a list of names")
        return tuple(str(item) for item in items)

    def table(self, key: str) -> "Table":
        """Return a table inside this one; an empty one where there is none."""
        value = self.get(key)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            self.wrong(key, "is not a table")
        return Table(self.origin, value, (*self.path, key))

    def tables(self, key: str) -> list["Table"]:
        """Return a list of tables inside this one."""
        value = self.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.wrong(key, f"is not a list of tables; write [[{key}]]")
        return [
            Table(self.origin, item, (*self.path, key, index)) for index, item in enumerate(value)
        ]
