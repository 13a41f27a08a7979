"""Candidate passphrases and what people make of them by mistake.

A passphrase is known to the rest of the program, and to every output, only by its
number. Its bytes stay in here and in the hash states made from them.

Sources for the lengths: ifconfig of OpenBSD, NetBSD and FreeBSD cut at 19 bytes
without a word; netlink and plain ioctl callers can set all 20; ucarp refuses 20.
"""

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from carpscope.auth.digest import KEY_SIZE

IFCONFIG_SIZE = KEY_SIZE - 1

ALL_BYTES = "all 20 bytes, as netlink or ioctl set it"
"""The variant of a long candidate that ifconfig would have cut."""

AS_GUIS = "as pfSense and OPNsense store it: no spaces, a backslash before quotes and backslashes"
"""What their `interfaces.inc` makes: addslashes(str_replace(" ", "", TYPED))."""
AS_DEBIAN = "cut at its first space, as by Debian's if-up.d/ucarp"
"""The script leaves the variable unquoted: what follows the space becomes other arguments."""
_SLASHED = re.compile(rb"['\"\\]")
_SLASHES = re.compile(rb"\\(['\"\\])")

EMPTY_NUMBER = 0
"""The number of the empty passphrase, which needs no candidate: it is tried always."""

MANUAL_WORDS = frozenset(
    b"pass password passwd secret randompass mekmitasdigoat love carp carppass carppassword "
    b"mypassword mysecret changeme test testing 123456 1234 12345 12345678 admin default foobar "
    b"yourpassword testpass testpassword lanpasswd netpasswd hastpass ucarp vippassword vhidpass "
    b"pfsense opnsense openbsd freebsd netbsd dragonfly qwerty letmein example public private "
    b"sekrit s3cret mypass yourpass password1 secretpassword topsecret passphrase".split()
)
"""What manuals and their copies print; finding one of them takes an attacker one guess."""


class CandidateKey(NamedTuple):
    """One key to try: a candidate's number, what was done to it, and its bytes."""

    number: int
    variant: str
    """`as given`, or what differs from it, in words."""
    secret: bytes

    def __repr__(self) -> str:
        """Name the key without its bytes: this ends in logs and tracebacks."""
        return f"Key(#{self.number}, {self.variant})"

    @property
    def is_empty(self) -> bool:
        """Tell the key of zeros, which signs where no passphrase is set; a candidate may be it."""
        return not self.secret.strip(b"\0")

    @property
    def label(self) -> str:
        """Return how outputs name it."""
        if self.is_empty:
            return "the empty passphrase"
        name = f"passphrase #{self.number}"
        return name if self.variant == "as given" else f"{name} ({self.variant})"


EMPTY_KEY = CandidateKey(EMPTY_NUMBER, "empty", b"")


class Keyring:
    """The candidates of one run, numbered from 1 in the order they were given."""

    __slots__ = ("_candidates", "_keys")

    def __init__(self, candidates: Iterable[bytes] = ()) -> None:
        """Take raw bytes; the same bytes given twice are one candidate."""
        self._candidates = list(dict.fromkeys(candidates))
        self._keys: list[CandidateKey] | None = None

    def __len__(self) -> int:
        """Return how many candidates there are."""
        return len(self._candidates)

    def __repr__(self) -> str:
        """Say how many, never which."""
        return f"Keyring({len(self._candidates)} passphrases)"

    @property
    def keys(self) -> list[CandidateKey]:
        """Return every key to try, likeliest first: all as given, the empty one, all mistakes."""
        if self._keys is None:
            plain: list[CandidateKey] = []
            odd: list[CandidateKey] = []
            for number, raw in enumerate(self._candidates, 1):
                first, *rest = _variants(number, raw)
                plain.append(first)
                odd += rest
            self._keys = _distinct([*plain, EMPTY_KEY, *odd])
        return self._keys

    @property
    def plain(self) -> list[CandidateKey]:
        """Return the keys of the candidates as given, without mistakes."""
        return [key for key in self.keys if key.variant == "as given"]

    @property
    def likely(self) -> list[CandidateKey]:
        """Return the keys worth a long search: without mistakes, all 20 bytes too, and empty."""
        return [key for key in self.keys if key.variant in ("as given", ALL_BYTES, "empty")]

    def is_weak(self, number: int) -> bool:
        """Tell whether a candidate is empty or a word of the manuals."""
        if number == EMPTY_NUMBER:
            return True
        word = self._candidates[number - 1].strip().lower()
        return not word.strip(b"\0") or word in MANUAL_WORDS


def _distinct(keys: Iterable[CandidateKey]) -> list[CandidateKey]:
    """Drop keys whose 64 padded bytes were there before: trailing NULs change nothing."""
    seen: set[bytes] = set()
    kept = []
    for key in keys:
        padded = key.secret.rstrip(b"\0")
        if padded not in seen:
            seen.add(padded)
            kept.append(key)
    return kept


def _variants(number: int, raw: bytes) -> Iterator[CandidateKey]:
    """Give a candidate as the tools take it, then as people get it wrong."""
    yield CandidateKey(number, "as given", raw[:IFCONFIG_SIZE])
    if len(raw) > IFCONFIG_SIZE:
        yield CandidateKey(number, ALL_BYTES, raw[:KEY_SIZE])
    for variant, changed in _mistakes(raw):
        yield CandidateKey(number, variant, changed[:IFCONFIG_SIZE])
        if len(changed) > IFCONFIG_SIZE:
            yield CandidateKey(number, f"{variant}, 20 bytes", changed[:KEY_SIZE])


def _mistakes(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield "with a trailing newline", raw + b"\n"
    yield "with a trailing carriage return, as from a DOS file", raw + b"\r"
    yield "with a trailing CR and newline", raw + b"\r\n"
    yield "with double quotes kept", b'"' + raw + b'"'
    yield "with single quotes kept", b"'" + raw + b"'"
    yield "with a trailing space", raw + b" "
    yield "with a leading space", b" " + raw
    yield "with a byte order mark before it, as from a Windows editor", b"\xef\xbb\xbf" + raw
    if raw.strip() != raw:
        yield "without surrounding white space", raw.strip()
    if len(raw) > 2 and raw[:1] == raw[-1:] and raw[:1] in (b'"', b"'"):
        yield "without its quotes", raw[1:-1]
    yield from _rewritten(raw)
    yield from _cases(raw)
    yield from _encodings(raw)


def _rewritten(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Give what tools make of a passphrase that is typed (docs/protocol/authentication.md)."""
    whole = raw.replace(b" ", b"")
    slashed = _SLASHED.sub(rb"\\\g<0>", whole)
    if slashed != raw:
        yield AS_GUIS, slashed
    if whole not in (raw, slashed):
        yield "without its spaces", whole
    if _SLASHED.search(raw) and raw != whole:
        yield "with a backslash before quotes", _SLASHED.sub(rb"\\\g<0>", raw)
    bare = _SLASHES.sub(rb"\1", raw)
    if bare != raw:
        yield "without its backslashes", bare
    first = raw.split(b" ", 1)[0]
    if first and first != raw:
        yield AS_DEBIAN, first


def _cases(raw: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        text = raw.decode("utf-8")  # bytes know no case beyond ASCII
    except UnicodeDecodeError:
        text = ""
    for name, change in (
        ("in lower case", str.lower),
        ("in upper case", str.upper),
        ("with a capital first letter", lambda word: word[:1].upper() + word[1:]),
        ("with a small first letter", lambda word: word[:1].lower() + word[1:]),
        ("with upper and lower case swapped", str.swapcase),
    ):
        latin = raw.decode("latin-1")
        ascii_only = "".join(change(sign) if sign.isascii() else sign for sign in latin)
        yield name, change(text).encode() if text else ascii_only.encode("latin-1")


def _encodings(raw: bytes) -> Iterator[tuple[str, bytes]]:
    if raw.isascii():
        return
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        yield "in UTF-8 instead of Latin-1", raw.decode("latin-1").encode("utf-8")
        return
    with contextlib.suppress(UnicodeEncodeError):
        yield "in Latin-1 instead of UTF-8", text.encode("latin-1")
    yield "in Latin-1 read as UTF-8 twice", raw.decode("latin-1").encode("utf-8")
    for form in ("NFC", "NFD"):
        changed = unicodedata.normalize(form, text).encode("utf-8")
        if changed != raw:
            yield f"in Unicode form {form}", changed
