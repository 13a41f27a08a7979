"""Groups at the edges of what can be addressed: every vhid, every VLAN, several nodes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from carpscope.core.frame import Frame
from carpscope.core.units import SECOND
from tests.archive.maker import advert, write
from tests.archive.test_folder import MIB, measured
from tests.capture.builder import START

pytestmark = pytest.mark.slow


def trunk(vlans: Sequence[int], vhids: Sequence[int], nodes: int) -> Iterator[Frame]:
    """Let the nodes of every group take over from each other, the best one last."""
    groups = len(vlans) * len(vhids)
    for beat in range(2 * nodes):
        host = nodes - beat // 2
        for place in range(groups):
            vlan, vhid = vlans[place // len(vhids)], vhids[place % len(vhids)]
            at = (START + beat) * SECOND + place * SECOND // groups // 1000 * 1000
            data = advert(vhid, host, host * 10**9 + beat, skew=host - 1, vlan=vlan)
            yield Frame(0, at, 1, data, len(data))


@pytest.mark.parametrize(
    ("vlans", "vhids", "nodes"),
    [
        (range(1, 4095), [255], 1),
        (range(1, 3001), [255], 2),
        ([1, 10, 4000, 4094], range(1, 256), 3),
    ],
    ids=["every-vlan", "as-many-nodes-as-are-followed", "every-vhid"],
)
def test_every_group_is_told_apart(
    vlans: Sequence[int], vhids: Sequence[int], nodes: int, tmp_path: Path
) -> None:
    write(tmp_path / "trunk.pcap", trunk(vlans, vhids, nodes))
    document, peak = measured(str(tmp_path))
    groups = document["groups"]
    assert isinstance(groups, list)
    assert [(g["vlan"], g["vhid"]) for g in groups] == [([n], v) for n in vlans for v in vhids]
    assert {len(group["nodes"]) for group in groups} == {nodes}
    assert document["findings"] == []
    assert peak < 400 * MIB


def test_more_groups_than_are_followed_take_bounded_memory(tmp_path: Path) -> None:
    """Sixteen thousand groups: those in excess are counted, and nothing is said against any."""
    write(tmp_path / "trunk.pcap", trunk(range(1, 65), range(1, 256), 2))
    document, peak = measured(str(tmp_path))
    assert {finding["code"] for finding in document["findings"]} <= {"CS304"}  # type: ignore[attr-defined]
    assert peak < 500 * MIB
