"""Files as they were given: bytes, text, whose they are, and of which kind."""

import hashlib
import stat

from carpscope.core.values import dataclass, field

SIZE_MAX = 100_000_000


@dataclass(slots=True)
class Source:
    """One file."""

    path: str
    """As it was named, or below the folder that was."""
    relative: str
    """Its place below the node's /etc."""
    data: bytes = field(repr=False)
    mode: int | None
    """Permissions; None where it has none (standard input)."""
    text: str = field(default="", repr=False)
    encoding: str = "utf-8"
    kind: str = ""
    has_secret: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the file's own name."""
        return self.relative.rpartition("/")[2]

    @property
    def is_readable_by_others(self) -> bool:
        """Tell whether the group or everybody may read it."""
        return self.mode is not None and bool(self.mode & (stat.S_IRGRP | stat.S_IROTH))

    @property
    def sha256(self) -> str | None:
        """Return its digest; none where it holds a secret: it would test a guess."""
        return None if self.has_secret else hashlib.sha256(self.data).hexdigest()


@dataclass(slots=True)
class NodeFiles:
    """All files of one node."""

    name: str
    is_named: bool
    sources: list[Source]
    system: str | None = None
    """What --system says."""
    by_place: dict[str, Source] | None = field(default=None, repr=False)
    """Made when a file is first asked for: then all are read."""

    def of(self, *kinds: str) -> list[Source]:
        """Return the files of some kinds."""
        return [source for source in self.sources if source.kind in kinds]

    def at(self, path: str) -> Source | None:
        """Return what stands at a path of the system, `/etc/ucarp/v1.pwd`."""
        relative = path.removeprefix("/etc/").lstrip("/")
        if self.by_place is None:
            self.by_place = {source.relative: source for source in reversed(self.sources)}
        return self.by_place.get(relative)


def instance_of(name: str) -> str:
    """Return the instance in the name of a systemd unit, `1` of `ucarp@1.service`."""
    return name.rpartition(".")[0].partition("@")[2]
