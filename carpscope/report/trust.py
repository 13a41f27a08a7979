"""Whose signature a report must bear: one key, or a file of several as OpenSSH has it.

    jane@lab.example ssh-ed25519 AAAA…
    bob@lab.example,robert namespaces="carpscope-report" valid-before="20270101" ssh-ed25519 AAAA…

Such a file (allowed_signers, ssh-keygen(1)) says who may sign what, and until when. Keys of
other kinds than Ed25519 may stand in it and sign nothing here.
"""

import base64
import binascii
import datetime as dt
import re
from collections.abc import Iterator

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.core.values import dataclass
from carpscope.report.sign import KEY_TYPE, NAMESPACE, PublicKey, read_public

_TYPES = ("ssh-", "ecdsa-", "sk-")
_OPTION = re.compile(r'([A-Za-z-]+)(?:="((?:[^"\\\\]|\\\\.)*)")?(?:,|$)')
_FORMS = ("%Y%m%d", "%Y%m%d%H%M", "%Y%m%d%H%M%S")


@dataclass(frozen=True, slots=True)
class TrustedSigner:
    """Somebody whose signature is looked for."""

    key: PublicKey
    name: str = ""
    """As the file calls them."""
    refusal: str = ""
    """Why the file does not let them sign a report now; empty: it does."""


def read_trusted(data: bytes, name: str, now: dt.datetime) -> list[TrustedSigner]:
    """Read a file of signers. Raises CarpscopeError that names the line."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise CarpscopeError(f"{name}: is not text") from None
    found = list(_signers(text, name, now))
    if not found:
        raise CarpscopeError(f"{name}: names no signer with an Ed25519 key")
    return found


def _signers(text: str, name: str, now: dt.datetime) -> Iterator[TrustedSigner]:
    for number, line in enumerate(text.splitlines(), 1):
        place = f"{name}:{number}"
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        who, rest = _quoted_word(bare)
        if who.startswith(_TYPES):
            raise CarpscopeError(f"{place}: begins with a key; before it stands whose it is")
        first, after = _word(rest)
        options = ""
        if not first.startswith(_TYPES):
            options, (first, after) = first, _word(after)
        if not first.startswith(_TYPES):
            raise CarpscopeError(f"{place}: has no key of a known kind")
        blob = after.split()[0] if after.split() else ""
        if first != KEY_TYPE.decode():
            continue
        try:
            base64.b64decode(blob, validate=True)
        except binascii.Error:
            raise CarpscopeError(f"{place}: its key is not base64") from None
        key = read_public(f"{first} {blob}".encode(), place)
        yield TrustedSigner(key, shown(who), _refusal(options, place, now))


def _quoted_word(text: str) -> tuple[str, str]:
    if text.startswith('"') and '"' in text[1:]:
        who, _, rest = text[1:].partition('"')
        return who, rest.strip()
    return _word(text)


def _word(text: str) -> tuple[str, str]:
    """Take a word; a blank in quotes does not end it."""
    inside = False
    for at, sign in enumerate(text):
        if sign == '"':
            inside = not inside
        elif sign.isspace() and not inside:
            return text[:at], text[at:].strip()
    return text, ""


def _refusal(options: str, place: str, now: dt.datetime) -> str:
    at = 0
    refused = ""
    while at < len(options):
        found = _OPTION.match(options, at)
        if found is None:
            raise CarpscopeError(f"{place}: {shown(options[at:])!r} is no option of a signer")
        at = found.end()
        option, value = found[1].lower(), found[2] or ""
        match option:
            case "namespaces":
                if NAMESPACE not in (part.strip() for part in value.split(",")):
                    refused = refused or f"which may sign {shown(value)} and no {NAMESPACE}"
            case "valid-after":
                if now < _moment(value, place):
                    refused = refused or f"which is valid after {value} only"
            case "valid-before":
                if now >= _moment(value, place):
                    refused = refused or f"which was valid before {value} only"
            case "cert-authority":
                refused = refused or "which signs certificates and no reports"
            case _:
                raise CarpscopeError(f"{place}: {option!r} is no option of a signer")
    return refused


def _moment(value: str, place: str) -> dt.datetime:
    """Read YYYYMMDD[HHMM[SS]][Z]; without Z it is local time, as OpenSSH has it."""
    bare = value.removesuffix("Z")
    for form in _FORMS:
        if len(bare) != len(dt.datetime(2000, 1, 1, tzinfo=dt.UTC).strftime(form)):
            continue
        try:
            moment = dt.datetime.strptime(bare, form)  # noqa: DTZ007 - the next line says the zone
        except ValueError:
            break
        return moment.replace(tzinfo=dt.UTC) if value.endswith("Z") else moment.astimezone()
    raise CarpscopeError(f"{place}: {shown(value)!r} is no date as 20261130 or 20261130120000Z")
