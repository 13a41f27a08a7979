"""Clusters with what must be said of them, who is MASTER, and what must never be printed.

`tests/data/check/NAME.conf` is a cluster in one text. A label that is neither among `find` nor
`may` is a false alarm; what is proved may be there where it names its cause.
"""

from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import pytest

from carpscope.checking import run as checking
from carpscope.checking.run import CheckResult, Wishes
from tests.detect.configured import written
from tests.program import Result, run

pytestmark = pytest.mark.slow

CLUSTERS = Path(__file__).parents[1] / "data" / "check"
NAMES = sorted(path.stem for path in CLUSTERS.glob("*.conf"))
INFORMATION = {"not_known_here", "secret_readable"}
PROOF = {"split_brain", "flapping", "master_gap", "unexpected_master"}


class Cluster:
    """A cluster and what is expected of it."""

    def __init__(self, name: str, folder: Path) -> None:
        text = (CLUSTERS / f"{name}.conf").read_text()
        head, _, body = text.partition("\n== ")
        self.values: dict[str, list[str]] = {}
        for line in head.splitlines()[1:]:
            key, _, value = line.partition(": ")
            self.values.setdefault(key.rstrip(":"), []).append(value)
        nodes = written(f"== {body}", folder)
        self.files = [Path(node).name for node in nodes]
        if "files" in self.values:
            self.files = self.values["files"][0].split()

    def words(self, key: str) -> set[str]:
        return {word for value in self.values.get(key, []) for word in value.split()}


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def outputs(cluster: Cluster) -> tuple[Result, Result]:
    """Check once, as `check` is called with equal words, and print it both ways."""
    made: list[CheckResult] = []
    check = checking.check

    def once(paths: Sequence[str], wishes: Wishes) -> CheckResult:
        if not made:
            made.append(check(paths, wishes))
        return made[0]

    with mock.patch.object(checking, "check", once):
        return run("check", "--json", *cluster.files), run("check", *cluster.files)


@pytest.mark.parametrize("name", NAMES)
def test_a_cluster_is_told_as_it_is(name: str, inside: Path) -> None:
    import json
    import re

    cluster = Cluster(name, inside)
    document, screen = outputs(cluster)
    status = int(cluster.values["exit"][0])
    assert (document.status, screen.status) == (status, status)
    for secret in cluster.values.get("secret", []):
        for out in (document, screen):
            assert secret not in out.out + out.err
            assert json.dumps(secret)[1:-1] not in out.out + out.err
    flat = " ".join((screen.out + screen.err).split())
    for pattern in cluster.values.get("text", []):
        assert re.search(pattern, flat), pattern
    assert all(len(line) <= 80 for line in screen.out.splitlines())
    if status == 2:
        assert not document.out
        assert len(screen.err.splitlines()) == 1
        return
    found = json.loads(document.out)
    labels = {one["label"] for one in found["findings"]}
    assert cluster.words("find") <= labels
    causes = {one["identity"] for one in found["findings"] if one["label"] not in PROOF}
    proved = [one for one in found["findings"] if one["label"] in PROOF]
    assert all(set(one["caused_by"]) & causes for one in proved)
    assert labels - PROOF <= cluster.words("find") | cluster.words("may") | INFORMATION
    groups: dict[str, list[str]] = {}
    crashes: dict[str, list[float]] = {}
    for group in found["groups"]:
        proof = group["proof"] or {"masters": [], "handover": []}
        groups.setdefault(group["id"], []).extend(proof["masters"])
        for one in proof["handover"]:
            crashes[f"{group['id']} = {one['event']} {one['node']}"] = one["seconds"]
    for value in cluster.values.get("master", []):
        identity, _, nodes = value.partition(" = ")
        assert sorted(groups[identity]) == sorted(nodes.split())
    for value in cluster.values.get("takeover", []):
        event, least, most = value.rsplit(" ", 2)
        low, high = crashes[event]
        assert float(least) <= low <= high <= float(most)
