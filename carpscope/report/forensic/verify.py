"""Is a report still what was made? Every file of its folder, one by one, in words.

Nothing of the folder is trusted: the manifest names plain files only, a link is not
followed, and a file of another size is not read.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import plural, shown
from carpscope.core.values import dataclass, field
from carpscope.report.forensic.manifest import NAME, SCHEMA, SIGNATURE, STAMP, signing_of
from carpscope.report.sign import NAMESPACE, PublicKey, Signature, read_signature
from carpscope.report.trust import TrustedSigner

MANIFEST_LIMIT = 8 << 20
_BLOCK = 1 << 20


class Condition(Enum):
    """What became of one thing."""

    INTACT = "intact"
    ALTERED = "altered"
    MISSING = "missing"
    ADDED = "added"
    WRONG = "wrong"
    """A signature that does not hold."""
    UNCHECKED = "not checked"

    @property
    def is_bad(self) -> bool:
        """Tell whether the report can no longer be relied on."""
        return self not in (Condition.INTACT, Condition.UNCHECKED)


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the answer."""

    condition: Condition
    what: str
    detail: str = ""


class Vouching(Enum):
    """What a report is worth in the end, as the last line says it."""

    ALTERED = "altered"
    NAMED = "intact, signed by a key you named"
    UNNAMED = "intact, signed by {} (no key given to compare)"
    NOBODY = "intact, unsigned: nobody vouches"


@dataclass(slots=True)
class Answer:
    """What was found."""

    remarks: list[Remark] = field(default_factory=list)
    signer: PublicKey | None = None
    """Whose signature holds."""
    is_named: bool = False
    """Whether the signer is one of those that were named."""

    @property
    def is_intact(self) -> bool:
        """Tell whether nothing is altered, missing, added or wrong."""
        return not any(remark.condition.is_bad for remark in self.remarks)

    @property
    def vouching(self) -> Vouching:
        """Return who vouches for what was checked."""
        if not self.is_intact:
            return Vouching.ALTERED
        if self.signer is None:
            return Vouching.NOBODY
        return Vouching.NAMED if self.is_named else Vouching.UNNAMED

    @property
    def last_word(self) -> str:
        """Return that as a line for a person."""
        signer = self.signer.fingerprint if self.signer is not None else ""
        return self.vouching.value.format(signer)

    def add(self, condition: Condition, what: str, detail: str = "") -> None:
        """Add a line."""
        self.remarks.append(Remark(condition, shown(what), shown(detail)))


def verify(
    folder: Path,
    trusted: Sequence[TrustedSigner],
    evidence: Sequence[Path],
    authorities: bytes | None = None,
) -> Answer:
    """Check a report. Raises CarpscopeError where there is none to check.

    `trusted` are those whose signature it must be; with none, any that holds is told.
    `authorities` are certificates, PEM, of who may have stamped it.
    """
    try:
        raw = _read(folder / NAME)
    except FileNotFoundError:
        raise CarpscopeError(f"{shown(str(folder))}: holds no {NAME}, so it is no report") from None
    except OSError as problem:
        raise CarpscopeError(f"{shown(str(folder / NAME))}: {problem.strerror}") from None
    answer = Answer()
    listed = _manifest(answer, raw)
    _signature(answer, folder, raw, listed, trusted)
    _stamp(answer, folder, raw, listed, authorities)
    if listed is None:
        return answer
    _outputs(answer, folder, listed)
    _evidence(answer, listed, evidence)
    return answer


def _read(path: Path) -> bytes:
    """Read a small file; whoever made the folder may have put anything in its place."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise CarpscopeError(f"{path}: is a link or a device, not a file")
    with path.open("rb") as stream:
        raw = stream.read(MANIFEST_LIMIT + 1)
    if len(raw) > MANIFEST_LIMIT:
        raise CarpscopeError(f"{path}: is larger than {MANIFEST_LIMIT >> 20} MiB")
    return raw


def _manifest(answer: Answer, raw: bytes) -> dict[str, object] | None:
    """Read the manifest; say what is wrong with one that is none."""
    if not raw.strip():
        answer.add(Condition.ALTERED, NAME, "is empty")
        return None
    try:
        text = raw.decode("utf-8")
        decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
        listed, end = decoder.raw_decode(text)
    except (ValueError, RecursionError) as problem:
        why = str(problem) if isinstance(problem, _UnclearError) else ""
        answer.add(Condition.ALTERED, NAME, why or "is no manifest of carpscope any more")
        return None
    if not isinstance(listed, dict) or listed.get("schema") != SCHEMA:
        answer.add(Condition.ALTERED, NAME, "is no manifest of carpscope any more")
        return None
    rest = len(text[end:].encode()) - text[end:].startswith("\n")
    if rest:
        answer.add(
            Condition.ALTERED,
            NAME,
            f"{plural(rest, 'byte')} {'follows' if rest == 1 else 'follow'} its end",
        )
        return None
    for key in _KEYS - listed.keys():
        answer.add(Condition.ALTERED, NAME, f"has no {key!r}")
    for key in ("inputs", "outputs"):
        found = listed.get(key)
        if not isinstance(found, list) or len(list(_entries(listed, key))) != len(found):
            text = f"{key!r} holds what has no name, SHA-256 and size"
            answer.add(Condition.ALTERED, NAME, text)
    if not any(_entries(listed, "outputs")):
        answer.add(Condition.ALTERED, NAME, "lists no file")
    return listed


_KEYS = frozenset(("inputs", "outputs", "signing", "timestamp"))
"""What a manifest always says, also where it is null."""


class _UnclearError(ValueError):
    """What readers take in different ways."""


def _no_number(text: str) -> object:
    raise _UnclearError(f"says {text}, which is no JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _UnclearError(f"says {twice!r} twice")
    return found


def _signature(
    answer: Answer,
    folder: Path,
    raw: bytes,
    listed: dict[str, object] | None,
    trusted: Sequence[TrustedSigner],
) -> None:
    path = folder / SIGNATURE
    signing = listed.get("signing") if listed is not None else None
    if _is_other(answer, path):
        return
    if not path.exists():
        if signing is not None:
            answer.add(Condition.MISSING, SIGNATURE, "the manifest says that it is signed")
        elif trusted:
            answer.add(Condition.MISSING, SIGNATURE, "the report is not signed; a key was given")
        elif listed is not None:
            text = "not signed: who altered a file could have altered the manifest as well"
            answer.add(Condition.UNCHECKED, "signature", text)
        return
    try:
        signature = read_signature(_read(path).decode("ascii"))
    except (CarpscopeError, ValueError) as problem:
        reason = "it is not text" if isinstance(problem, UnicodeDecodeError) else str(problem)
        answer.add(Condition.WRONG, SIGNATURE, reason)
        return
    if listed is not None and signing is None:
        answer.add(Condition.ADDED, SIGNATURE, "the manifest says that it is not signed")
    elif listed is not None and signing != signing_of(signature.key):
        expected, said = signing_of(signature.key), signing if isinstance(signing, dict) else {}
        other = [key for key in expected if said.get(key) != expected[key]]
        text = f"made with {signature.key.fingerprint}, "
        if other and not {"public_key", "fingerprint"} & set(other):
            text += f"and the manifest says another {other[0]}"
        else:
            text += "which is not the key the manifest names"
        answer.add(Condition.WRONG, SIGNATURE, text)
    else:
        _judge(answer, signature, raw, trusted)


def _judge(
    answer: Answer, signature: Signature, raw: bytes, trusted: Sequence[TrustedSigner]
) -> None:
    who = signature.key.fingerprint
    if signature.key.is_weak:
        text = f"made with {who}, a point of small order: anybody can sign with it"
        answer.add(Condition.WRONG, SIGNATURE, text)
        return
    if signature.namespace != NAMESPACE:
        text = f"is one for {signature.namespace!r}, not for {NAMESPACE}"
        answer.add(Condition.WRONG, SIGNATURE, text)
        return
    if not signature.covers(raw):
        answer.add(Condition.WRONG, SIGNATURE, f"does not fit {NAME}: one of the two is altered")
        return
    fits = [signer for signer in trusted if signer.key == signature.key]
    refused = [signer.refusal for signer in fits if signer.refusal]
    if trusted and (not fits or len(refused) == len(fits)):
        whose = ", ".join(dict.fromkeys(signer.key.fingerprint for signer in trusted))
        text = refused[0] if refused else f"not with a key you named ({whose})"
        answer.add(Condition.WRONG, SIGNATURE, f"made with {who}, {text}")
        return
    answer.signer, answer.is_named = signature.key, bool(fits)
    known = "a key nobody vouched for (--key PUB, --trust FILE)"
    if fits:
        names = dict.fromkeys(s.name for s in fits if s.name and not s.refusal)
        known = f"the key of {', '.join(names)}" if names else "the key given"
    answer.add(Condition.INTACT, SIGNATURE, f"over {NAME}, made with {who}, {known}")


def _is_other(answer: Answer, path: Path) -> bool:
    """Say what stands in the place of a file and is none."""
    if path.is_symlink():
        answer.add(Condition.ALTERED, path.name, "is a link now")
    elif path.exists() and not path.is_file():
        answer.add(Condition.ALTERED, path.name, "is no file any more")
    else:
        return False
    return True


def _stamp(
    answer: Answer,
    folder: Path,
    raw: bytes,
    listed: dict[str, object] | None,
    authorities: bytes | None,
) -> None:
    """Check the stamp of a third party over the manifest, if there is one or should be."""
    path = folder / STAMP
    is_promised = listed is not None and listed.get("timestamp") is not None
    if _is_other(answer, path):
        return
    if not path.exists():
        if is_promised:
            answer.add(Condition.MISSING, STAMP, "the manifest says that it is stamped")
        elif authorities is not None:
            answer.add(Condition.MISSING, STAMP, "not stamped, and an authority was given")
        return
    if listed is not None and not is_promised:
        answer.add(Condition.ADDED, STAMP, "the manifest says that it is not stamped")
        return
    from carpscope.report import stamp  # noqa: PLC0415 - with the extra `timestamp`

    known = stamp.certificates(authorities, "--timestamp-ca") if authorities is not None else None
    try:
        data = _read(path)
        found = stamp.read(data, raw) if known is None else stamp.hold(data, raw, known)
    except (CarpscopeError, ValueError) as problem:
        answer.add(Condition.WRONG, STAMP, str(problem))
        return
    text = f"{NAME} existed at {found.at.isoformat().replace('+00:00', 'Z')}, says "
    text += found.authority or "an authority without a name"
    if authorities is None:
        told = f"{text}; whether that is so takes its certificate (--timestamp-ca FILE)"
        answer.add(Condition.UNCHECKED, STAMP, told)
    else:
        answer.add(Condition.INTACT, STAMP, text)


def _entries(listed: dict[str, object], what: str) -> Iterator[tuple[str, str, int]]:
    """Give name, digest and size of what a manifest lists; what has not all three is no entry."""
    found = listed.get(what)
    for entry in found if isinstance(found, list) else []:
        if not isinstance(entry, dict):
            continue
        name, digest, size = entry.get("name"), entry.get("sha256"), entry.get("bytes")
        if isinstance(name, str) and isinstance(digest, str) and type(size) is int:
            yield name, digest, size


def _outputs(answer: Answer, folder: Path, listed: dict[str, object]) -> None:
    known = {NAME, SIGNATURE, STAMP}
    for name, digest, size in _entries(listed, "outputs"):
        if name != Path(name).name or name in {"", ".", ".."}:
            answer.add(Condition.WRONG, name, "the manifest names a path outside the folder")
            continue
        if name in known:
            answer.add(Condition.ALTERED, name, f"{NAME} lists it twice")
            continue
        known.add(name)
        path = folder / name
        try:
            path.lstat()
        except FileNotFoundError:
            pass
        except (OSError, ValueError):  # a name that no disk takes was never written to one
            answer.add(Condition.MISSING, name, "no file can have this name here")
            continue
        if _is_other(answer, path):
            continue
        if not path.exists():
            answer.add(Condition.MISSING, name)
        else:
            _compare(answer, name, path, digest, size)
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            answer.add(Condition.ADDED, path.name, "is not in the manifest")


def _compare(answer: Answer, name: str, path: Path, digest: str, size: int) -> None:
    present = path.stat().st_size
    if present != size:
        answer.add(Condition.ALTERED, name, f"has {present:,} bytes, not {size:,}")
    elif sha256_of(path) != digest:
        answer.add(Condition.ALTERED, name, f"has other bytes than SHA-256 {digest}")
    else:
        answer.add(Condition.INTACT, name, f"SHA-256 {digest}")


def _evidence(answer: Answer, listed: dict[str, object], evidence: Sequence[Path]) -> None:
    inputs = list(_entries(listed, "inputs"))
    seen: set[str] = set()
    for path in evidence:
        if not path.is_file():
            raise CarpscopeError(f"{shown(str(path))}: no such file")
        digest = sha256_of(path)
        name = next((name for name, listed_digest, _ in inputs if listed_digest == digest), None)
        if name is not None:
            seen.add(name)
            called = "" if name == path.name else f", called {name} in the report"
            answer.add(Condition.INTACT, f"evidence {path.name}", f"SHA-256 {digest}{called}")
            continue
        same = next((entry for entry in inputs if entry[0] == path.name), None)
        if same is not None:
            seen.add(same[0])
            text = f"SHA-256 is {digest}; the report was made of {same[1]}"
            answer.add(Condition.ALTERED, f"evidence {path.name}", text)
        else:
            text = f"the report was not made of it (SHA-256 {digest})"
            answer.add(Condition.ADDED, f"evidence {path.name}", text)
    for name, digest, _ in inputs:
        if name not in seen:
            text = f"give it with --evidence to compare it with SHA-256 {digest}"
            answer.add(Condition.UNCHECKED, f"evidence {name}", text)


def sha256_of(path: Path) -> str:
    """Return the digest of a file. Raises CarpscopeError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    except OSError as problem:
        raise CarpscopeError(f"{shown(str(path))}: {problem.strerror}") from None
    return digest.hexdigest()
