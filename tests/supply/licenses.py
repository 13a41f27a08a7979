"""`make licenses`: under which licence everything is that carpscope needs to run.

Reads what is installed. Exit status 1 where a licence of something that runs is unknown.
"""

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

_NEED = re.compile(r"([A-Za-z0-9._-]+)(?:\[([^]]*)\])?")
_EXTRA = re.compile(r"extra == ['\"]([^'\"]+)")


class Licence(NamedTuple):
    """What a package says of itself."""

    name: str
    version: str
    licence: str


def needed(name: str, seen: set[str], extras: str = "") -> Iterator[str]:
    """Give a package and what it needs to run, each once, as far as it is installed."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    seen.add(key)
    try:
        requires = metadata.distribution(key).requires or []
    except metadata.PackageNotFoundError:
        return
    yield key
    for line in requires:
        found = _NEED.match(line)
        extra = _EXTRA.search(line)
        if found is not None and (extra is None or extra[1] in extras.split(",")):
            yield from needed(found[1], seen, found[2] or "")


def licence_of(name: str) -> Licence:
    """Return the licence that a package states, in whichever of the three places."""
    found = metadata.distribution(name)
    about = found.metadata
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier") or []
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    said = [*(about.get_all("License-Expression") or []), ", ".join(classifiers)]
    said += about.get_all("License") or []
    stated = next(filter(None, said), "")
    return Licence(name, found.version, stated.strip().split("\n")[0][:60])


def main(root: str = "carpscope", extras: str = "live,report,metrics,zstd") -> int:
    """Print the list, with what the named extras need; return the exit status."""
    listed = [licence_of(name) for name in sorted(needed(root, set(), extras))]
    width = max(len(entry.name) for entry in listed)
    for entry in listed:
        print(f"{entry.name:{width}}  {entry.version:10}  {entry.licence or 'UNKNOWN'}")
    return 0 if all(entry.licence for entry in listed) else 1


if __name__ == "__main__":
    sys.exit(main())
