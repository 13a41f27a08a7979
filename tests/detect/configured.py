"""Clusters as one text: `== fw1/rc.conf` begins a file; `!mode 600` sets what others may read."""

from pathlib import Path

from carpscope.checking.run import CheckResult, Wishes, check


def written(text: str, folder: Path) -> list[str]:
    """Write the files of a text below a folder; return the nodes' folders."""
    mode = 0o600
    nodes: dict[str, None] = {}
    path: Path | None = None
    for line in text.splitlines(keepends=True):
        if line.startswith("!mode "):
            mode = int(line.split()[1], 8)
        elif line.startswith("== "):
            name = line[3:].strip()
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
            path.chmod(mode)
            nodes[str(folder / name.partition("/")[0])] = None
        elif path is not None:
            with path.open("a") as stream:
                stream.write(line)
    return list(nodes)


def checked(text: str, folder: Path, *, events: int = 1, strict: bool = False) -> CheckResult:
    """Check the cluster of a text."""
    return check(written(text, folder), Wishes(events=events, strict=strict))


def labels(found: CheckResult) -> set[str]:
    """Return what was found."""
    return {one.label for one in found.findings}
