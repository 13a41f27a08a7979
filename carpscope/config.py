"""What a run was asked to do: one frozen value, made by the command line and a file.

passphrases = ["…"]                  # or
passphrase_file = "carp.pass"        # one a line, beside this file
addresses = ["192.168.1.50", "2001:db8::1"]

[[node]]
name = "fw1"
addresses = ["192.168.1.157"]
"""

from typing import NamedTuple

from carpscope.core.address import parse_ip
from carpscope.core.errors import CarpscopeError

FILE_LIMIT = 1 << 20
_KEYS = {"passphrases", "passphrase_file", "addresses", "node"}
_NODE_KEYS = {"name", "addresses"}


class Config(NamedTuple):
    """Candidates to verify with. Its text form never holds a passphrase.

    No dataclass, pathlib or tomllib up here: dissecting a few packets should not wait for them.
    """

    passphrases: tuple[bytes, ...] = ()
    addresses: tuple[bytes, ...] = ()
    names: tuple[tuple[bytes, str], ...] = ()
    """Source addresses and what people call their nodes."""

    def __repr__(self) -> str:
        """Say how many, never which."""
        return f"Config({len(self.passphrases)} passphrases, {len(self.addresses)} addresses)"

    def name_of(self, addresses: list[bytes]) -> str | None:
        """Return what people call the node with one of these addresses."""
        names = dict(self.names)
        return next((names[a] for a in addresses if a in names), None)


def read_config(path: str) -> Config:
    """Read a carpscope.toml. Raises CarpscopeError that names file and key."""
    import tomllib  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    try:
        with Path(path).open("rb") as stream:
            data = tomllib.loads(stream.read(FILE_LIMIT).decode("utf-8"))
    except OSError as problem:
        raise CarpscopeError(f"{path}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise CarpscopeError(f"{path}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as problem:
        raise CarpscopeError(f"{path}: {problem}") from None
    _known(path, data, _KEYS)
    passphrases = [text.encode() for text in _texts(path, data, "passphrases")]
    if "passphrase_file" in data:
        passphrases += _passphrase_file(path, data["passphrase_file"])
    addresses = [parse_ip(t, where=f"{path}: addresses") for t in _texts(path, data, "addresses")]
    names: list[tuple[bytes, str]] = []
    for number, node in enumerate(data.get("node", []), 1):
        if not isinstance(node, dict):
            raise CarpscopeError(f"{path}: node must be tables, [[node]]")
        _known(path, node, _NODE_KEYS, f"node {number}: ")
        name = node.get("name")
        if not isinstance(name, str) or not name.isprintable():
            raise CarpscopeError(f"{path}: node {number}: name must be printable text")
        where = f"{path}: node {name}: addresses"
        names += [(parse_ip(text, where=where), name) for text in _texts(path, node, "addresses")]
    return Config(tuple(passphrases), tuple(addresses), tuple(names))


def _known(path: str, table: dict[str, object], keys: set[str], where: str = "") -> None:
    for key in table:
        if key not in keys:
            raise CarpscopeError(
                f"{path}: {where}unknown key {key!r}; known are {', '.join(sorted(keys))}"
            )


def _texts(path: str, table: dict[str, object], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise CarpscopeError(f"{path}: {key} must be a list of texts")
    return value


def _passphrase_file(path: str, value: object) -> list[bytes]:
    if not isinstance(value, str):
        raise CarpscopeError(f"{path}: passphrase_file must be text")
    from pathlib import Path  # noqa: PLC0415

    file = Path(path).parent / value
    try:
        with file.open("rb") as stream:
            lines = stream.read(FILE_LIMIT).split(b"\n")
    except OSError as problem:
        raise CarpscopeError(f"{file}: {problem.strerror}") from None
    return [line.rstrip(b"\r") for line in lines if line.rstrip(b"\r")]
