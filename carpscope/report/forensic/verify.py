"""Is a report still what was made? Every file of its folder, one by one, in words.

Nothing of the folder is trusted: the manifest names plain files only, a link is not
followed, and a file of another size is not read.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.report.forensic.manifest import NAME, SCHEMA, SIGNATURE
from carpscope.report.sign import PublicKey, Signature, read_signature

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


@dataclass(slots=True)
class Answer:
    """What was found."""

    remarks: list[Remark] = field(default_factory=list)
    signer: PublicKey | None = None

    @property
    def is_intact(self) -> bool:
        """Tell whether nothing is altered, missing, added or wrong."""
        return not any(remark.condition.is_bad for remark in self.remarks)

    def add(self, condition: Condition, what: str, detail: str = "") -> None:
        """Add a line."""
        self.remarks.append(Remark(condition, shown(what), shown(detail)))


def verify(folder: Path, key: PublicKey | None, evidence: Sequence[Path]) -> Answer:
    """Check a report. Raises CarpscopeError where there is none to check."""
    try:
        raw = _read(folder / NAME)
    except FileNotFoundError:
        raise CarpscopeError(f"{shown(str(folder))}: holds no {NAME}, so it is no report") from None
    except OSError as problem:
        raise CarpscopeError(f"{shown(str(folder / NAME))}: {problem.strerror}") from None
    answer = Answer()
    listed = _manifest(raw)
    if listed is None:
        answer.add(Condition.ALTERED, NAME, "is no manifest of carpscope any more")
        _signature(answer, folder, raw, None, key)
        return answer
    _signature(answer, folder, raw, listed, key)
    _outputs(answer, folder, listed)
    _evidence(answer, listed, evidence)
    return answer


def _read(path: Path) -> bytes:
    """Read a small file; whoever made the folder may have put anything in its place."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise CarpscopeError(f"{path}: is a link or a device, not a file")
    with path.open("rb") as stream:
        return stream.read(MANIFEST_LIMIT)


def _manifest(raw: bytes) -> dict[str, object] | None:
    try:
        listed = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(listed, dict) or listed.get("schema") != SCHEMA:
        return None
    return listed


def _signature(
    answer: Answer,
    folder: Path,
    raw: bytes,
    listed: dict[str, object] | None,
    key: PublicKey | None,
) -> None:
    path = folder / SIGNATURE
    promised = listed is None or listed.get("signing") is not None
    if not path.is_file() or path.is_symlink():
        if promised:
            answer.add(Condition.MISSING, SIGNATURE, "the manifest says that it is signed")
        elif key is not None:
            answer.add(Condition.MISSING, SIGNATURE, "the report is not signed; a key was given")
        else:
            text = "not signed: who altered a file could have altered the manifest as well"
            answer.add(Condition.UNCHECKED, "signature", text)
        return
    try:
        signature = read_signature(_read(path).decode("ascii"))
    except (ValueError, UnicodeDecodeError) as problem:
        reason = "it is not text" if isinstance(problem, UnicodeDecodeError) else str(problem)
        answer.add(Condition.WRONG, SIGNATURE, reason)
        return
    _judge(answer, signature, raw, key)
    if listed is not None and listed.get("signing") is None:
        answer.add(Condition.ADDED, SIGNATURE, "the manifest says that it is not signed")


def _judge(answer: Answer, signature: Signature, raw: bytes, key: PublicKey | None) -> None:
    who = signature.key.fingerprint
    if key is not None and key != signature.key:
        text = f"made with {who}, not with the key given ({key.fingerprint})"
        answer.add(Condition.WRONG, SIGNATURE, text)
    elif not signature.covers(raw):
        answer.add(Condition.WRONG, SIGNATURE, f"does not fit {NAME}: one of the two is altered")
    else:
        answer.signer = signature.key
        known = "the key given" if key is not None else "a key nobody vouched for (--key PUB)"
        answer.add(Condition.INTACT, SIGNATURE, f"over {NAME}, made with {who}, {known}")


def _entries(listed: dict[str, object], what: str) -> Iterator[tuple[str, str, int]]:
    """Give name, digest and size of what a manifest lists; what has not all three is no entry."""
    found = listed.get(what)
    for entry in found if isinstance(found, list) else []:
        if not isinstance(entry, dict):
            continue
        name, digest, size = entry.get("name"), entry.get("sha256"), entry.get("bytes")
        if isinstance(name, str) and isinstance(digest, str) and isinstance(size, int):
            yield name, digest, size


def _outputs(answer: Answer, folder: Path, listed: dict[str, object]) -> None:
    known = {NAME, SIGNATURE}
    for name, digest, size in _entries(listed, "outputs"):
        if name != Path(name).name or name in {"", ".", ".."}:
            answer.add(Condition.WRONG, name, "the manifest names a path outside the folder")
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
        if path.is_symlink():
            answer.add(Condition.ALTERED, name, "is a link now")
        elif not path.exists():
            answer.add(Condition.MISSING, name)
        elif not path.is_file():
            answer.add(Condition.ALTERED, name, "is no file any more")
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
