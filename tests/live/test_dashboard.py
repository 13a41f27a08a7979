"""Every picture fits its terminal, whatever is wrong and whoever invents names."""

import dataclasses

import pytest

from carpscope.core.units import SECOND
from carpscope.detect.finding import Severity
from carpscope.report.dashboard import picture
from carpscope.report.record import WITHDRAWN, Record
from carpscope.report.snapshot import SituationView, Snapshot
from tests.report.test_metrics import AT, snapshot

SIZES = [(80, 24), (200, 60), (100, 30), (40, 10), (80, 5)]
REMEDY = "Find the switch port these frames come from and disconnect it; " * 4


def text(now: Snapshot, width: int, height: int, *, unicode: bool = True) -> str:
    lines = picture(now, width, height, unicode=unicode)
    assert len(lines) == height
    assert all(line.cell_len <= width for line in lines)
    return "\n".join(line.plain.rstrip() for line in lines)


def trouble(count: int) -> Snapshot:
    found = tuple(
        SituationView(
            f"CS101-{n}", "CS101", "split_brain", Severity.CRITICAL, 0.5, "eth1", f"vhid{n}",
            ("192.0.2.0",), AT - n * SECOND, "both have been MASTER " * 4, REMEDY, n % 2 == 1,
            "Because " * 30,
        )
        for n in range(count)
    )  # fmt: skip
    log = [
        Record(AT, "finding", "opened", "evil \x1b[2J line\n" + "é" * 300, Severity.ERROR),
        Record(AT, "finding", "closed", "fw1 (192.0.2.0) did it", body={"why": WITHDRAWN}),
        Record(AT, "finding", "closed", "it is over", Severity.ERROR, body={"why": "it is over"}),
    ]
    return dataclasses.replace(snapshot(groups=count, nodes=3), open=found, log=tuple(log))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [0, 1, 2, 7, 300])
@pytest.mark.parametrize("unicode", [True, False])
def test_it_fits(size: tuple[int, int], count: int, unicode: bool) -> None:
    shown = text(trouble(count), *size, unicode=unicode)
    assert "\x1b" not in shown
    if size[1] >= 24:
        assert "Ctrl-C ends" in shown


def test_what_to_do_is_said_in_full_where_there_is_room() -> None:
    shown = text(trouble(1), 80, 24)
    assert "…" not in shown.partition("lately")[0].partition("node ")[0]
    assert "Because" not in shown
    assert "why: Because" in text(trouble(1), 200, 60)
    crowded = text(trouble(300), 80, 24)
    assert "more" in crowded
    assert "SOME IN TROUBLE" in crowded


def test_what_was_taken_back_looks_neither_bad_nor_mended() -> None:
    shown = text(trouble(1), 120, 40)
    assert "· fw1 (192.0.2.0) did it" in shown
    assert "✓ it is over" in shown


def test_names_do_where_it_is_narrow() -> None:
    now = trouble(1)
    named = tuple(
        dataclasses.replace(g, nodes=tuple(dataclasses.replace(n, name="fw1") for n in g.nodes))
        for g in now.groups
    )
    now = dataclasses.replace(now, groups=named)
    assert "fw1 did it" in text(now, 80, 30)
    assert "fw1 (192.0.2.0) did it" in text(now, 120, 40)


def test_who_is_expected_and_silent_has_a_line() -> None:
    now = snapshot(groups=1, nodes=1)
    group = dataclasses.replace(now.groups[0], unheard=("fw2",))
    assert "  fw2        ○ unheard" in text(dataclasses.replace(now, groups=(group,)), 80, 24)


def test_two_masters_wait_for_nobody() -> None:
    now = snapshot(groups=1, nodes=3)
    both = tuple(dataclasses.replace(node, is_master=True) for node in now.groups[0].nodes)
    group = dataclasses.replace(now.groups[0], nodes=both)
    assert " in  3.0 s" in text(now, 80, 24)
    shown = text(dataclasses.replace(now, groups=(group,)), 80, 24)
    assert "3 masters" in shown
    assert "in  " not in shown.partition("takeover")[2].partition("lately")[0]
