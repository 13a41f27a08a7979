"""Extracts that were made before, so that an archive is read once.

    CACHE/files.jsonl                      which file, in which state, had which digest
    CACHE/1/ab/DIGEST-SIZE-CHECK.parquet   what a file with this SHA-256 and size holds
    CACHE/1/run-…/                         entries that a run is writing

An entry is found by the digest of the file's content, so that renamed and copied files are
known too, and its name has the digest of the entry itself: one that was altered or cut is
thrown away. A file whose size, times and inode are as they were is not read again to be
digested (as git and rsync do it). Nothing here depends on passphrases, addresses or filters;
the frames themselves are in it, so only its owner may read the folder.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from carpscope.archive.folder import Found
from carpscope.core.errors import CarpscopeError

FORMAT = 1
"""To be raised when other frames are kept, or other things said of a file."""
_BLOCK = 1 << 20
_STALE = 4
"""The list of files is written anew when it has so many times more lines than files."""


def default() -> str:
    """Return where caches lie by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return str((Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "carpscope")


def digest(path: str) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def entries(root: str, sha256: str) -> list[str]:
    """Return the entries for a content; more than one where two runs made it at once."""
    folder = Path(root) / str(FORMAT) / sha256[:2]
    try:
        names = os.listdir(folder)  # noqa: PTH208  a thousand times: names alone are enough
    except FileNotFoundError:
        return []
    return [str(folder / name) for name in sorted(names) if name.startswith(f"{sha256}-")]


def is_intact(entry: str) -> bool:
    """Tell whether an entry is as it was written."""
    return Path(entry).stem.rpartition("-")[2] == _check(entry)


def keep(root: str, part: str, sha256: str, size: int) -> str:
    """Give a finished entry its place and name; return it."""
    folder = Path(root) / str(FORMAT) / sha256[:2]
    folder.mkdir(exist_ok=True)
    entry = folder / f"{sha256}-{size}-{_check(part)}.parquet"
    Path(part).replace(entry)
    return str(entry)


def throw_away(entry: str) -> None:
    """Remove an entry that is no good."""
    Path(entry).unlink(missing_ok=True)


def _check(entry: str) -> str:
    return digest(entry)[:32]


class Cache:
    """The folder as the one process sees that leads a run."""

    def __init__(self, root: str) -> None:
        """Make the folder, or take what is there. Raises CarpscopeError where it cannot be."""
        self.root = root
        self._list = Path(root) / "files.jsonl"
        self._known: dict[str, tuple[tuple[int, ...], str]] = {}
        place = Path(root) / str(FORMAT)
        try:
            Path(root).mkdir(parents=True, exist_ok=True, mode=0o700)
            place.mkdir(exist_ok=True, mode=0o700)
            self.parts, self._lock = _own_folder(place)
        except OSError as error:
            raise CarpscopeError(f"cache {root}: {error.strerror}") from None
        self._lines = self._read()

    def close(self) -> None:
        """Remove what was not finished."""
        shutil.rmtree(self.parts, ignore_errors=True)
        os.close(self._lock)
        if self._lines > _STALE * len(self._known) + 1000:
            self._rewrite()

    def sizes(self) -> set[int]:
        """Return the sizes of the files that entries were made of."""
        place = Path(self.root) / str(FORMAT)
        names = (name for folder in place.glob("??") for name in os.listdir(folder))  # noqa: PTH208
        parts = (name.split("-") for name in names)
        return {int(p[1]) for p in parts if len(p) == 3 and p[1].isdecimal()}

    def known(self, file: Found) -> str | None:
        """Return the digest of a file that is as it was when it was read."""
        state, sha256 = self._known.get(str(Path(file.path).absolute()), ((), ""))
        return sha256 if state == file.state else None

    def remember(self, file: Found, sha256: str) -> None:
        """Note the digest of a file in the state that it had before it was read."""
        path = str(Path(file.path).absolute())
        if self._known.get(path) == (file.state, sha256):
            return
        self._known[path] = file.state, sha256
        with self._list.open("a", encoding="ascii") as stream:
            stream.write(json.dumps([path, *file.state, sha256]) + "\n")
        self._lines += 1

    def _read(self) -> int:
        """Read the list; lines that are none are left out, the last may have been cut."""
        lines = 0
        try:
            with self._list.open(encoding="ascii", errors="replace") as stream:
                for line in stream:
                    lines += 1
                    try:
                        path, *state, sha256 = json.loads(line)
                        self._known[str(path)] = tuple(map(int, state)), str(sha256)
                    except (ValueError, TypeError):
                        continue
        except FileNotFoundError:
            pass
        except OSError as error:
            raise CarpscopeError(f"cache {self.root}: {error.strerror}") from None
        if lines:
            with self._list.open("ab") as stream:
                stream.write(b"\n")  # behind a line that was cut
        return lines

    def _rewrite(self) -> None:
        fresh = self._list.with_suffix(".new")
        with fresh.open("w", encoding="ascii") as stream:
            for path, (state, sha256) in self._known.items():
                stream.write(json.dumps([path, *state, sha256]) + "\n")
        fresh.replace(self._list)


def _own_folder(place: Path) -> tuple[str, int]:
    """Make a folder for this run; give it and its lock, which ends with the process."""
    door = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(door, fcntl.LOCK_EX)
        _sweep(place)
        folder = tempfile.mkdtemp(prefix="run-", dir=place)
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        os.close(door)
    return folder, lock


def _sweep(place: Path) -> None:
    """Remove what runs have left behind that were killed: nobody holds their locks."""
    for left in place.glob("run-*"):
        try:
            handle = os.open(left, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except OSError:
            pass
        finally:
            os.close(handle)
