"""Every picture fits its terminal, whatever is wrong and whoever invents names."""

import dataclasses

import pytest

from carpscope.core.text import WORDS
from carpscope.core.units import SECOND
from carpscope.detect.finding import Severity
from carpscope.report.dashboard import picture
from carpscope.report.group_rows import key_of, order
from carpscope.report.keyboard import View, read
from carpscope.report.nodes import hour
from carpscope.report.record import WITHDRAWN, EventRecord
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
        EventRecord(AT, "finding", "opened", "evil \x1b[2J line\n" + "é" * 300, Severity.ERROR),
        EventRecord(AT, "finding", "closed", "fw1 (192.0.2.0) did it", body={"why": WITHDRAWN}),
        EventRecord(
            AT, "finding", "closed", "it is over", Severity.ERROR, body={"why": "it is over"}
        ),
    ]
    return dataclasses.replace(snapshot(groups=count, nodes=3), open=found, log=tuple(log))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [0, 1, 2, 7, 300])
@pytest.mark.parametrize("unicode", [True, False])
def test_it_fits(size: tuple[int, int], count: int, unicode: bool) -> None:
    shown = text(trouble(count), *size, unicode=unicode)
    assert "\x1b" not in shown
    if not unicode:
        assert not set(shown) & set(WORDS), "a word would be longer than what was measured"
    if size[1] >= 24:
        assert "Ctrl-C ends" in shown


def test_what_to_do_is_said_in_full_where_there_is_room() -> None:
    shown = text(trouble(1), 80, 24)
    assert "…" not in shown.partition("lately")[0].partition("node ")[0]
    assert "Because" not in shown
    assert "why: Because" in text(trouble(1), 200, 60)
    crowded = text(trouble(300), 80, 24)
    assert "more" in crowded
    assert "300 groups:" in crowded


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


def many() -> Snapshot:
    """Two hundred groups: one failed, one degraded."""
    now = snapshot(groups=200, nodes=2)
    states = {102: "degraded", 11: "failed"}
    groups = tuple(
        dataclasses.replace(
            one, status=states.get(place, "healthy"), vips=(f"10.77.1.{place}",), nodes=one.nodes
        )
        for place, one in enumerate(now.groups)
    )
    found = dataclasses.replace(
        now.open[0], group="vhid11", groups=("vhid11",), place="10.77.1.11 (vhid 11)"
    )
    return dataclasses.replace(now, groups=groups, open=(found,))


def rows(now: Snapshot, view: View, width: int = 80) -> list[str]:
    lines = picture(now, width, 24, view=view)
    return [line.plain for line in lines if line.plain[:1] in "✗!?✓" and "10.77.1." in line.plain]


def test_a_row_a_group_worst_first_and_numbers_as_numbers() -> None:
    shown = [row.split()[:2] for row in rows(many(), View())]
    shown = [row for row in shown if row[1].startswith("10.")]
    assert shown[:4] == [
        ["✗", "10.77.1.11"], ["!", "10.77.1.102"], ["✓", "10.77.1.0"], ["✓", "10.77.1.1"]
    ]  # fmt: skip
    by_vhid = [row.split()[1] for row in rows(many(), View(sorting="vhid"))]
    assert by_vhid[-3:] == sorted(by_vhid[-3:], key=lambda a: int(a.rpartition(".")[2]))
    assert "200 groups: 1 failed, 1 degraded, 198 healthy" in text(many(), 80, 24)


def test_keys() -> None:
    now, view = many(), View()

    def press(*keys: str) -> bool:
        ended = False
        for key in keys:
            ended = view.press(key, [key_of(group) for group in order(now, view)])
        return ended

    for _ in range(150):
        assert not press("j")
    assert view.mark == ("eth1", "vhid150")
    assert any("10.77.1.150" in row for row in rows(now, view)), "what is marked is in sight"
    assert not press("k", "k", "enter")
    assert view.page == ("eth1", "vhid148")
    (title, *_) = [row for row in text_of(now, view) if "10.77.1.148" in row]
    assert title.endswith("healthy")
    assert not press("q")
    assert rows(now, view), "the list again"
    press("/", "1", ".", "1", "0", "2", "enter")
    assert [group.id for group in order(now, view)] == ["vhid102"]
    assert not press("escape")
    assert len(order(now, view)) == 200
    press("?")
    assert any("the page of a group" in row for row in text_of(now, view))
    assert not press("q")
    press("p")
    assert view.is_paused
    assert press("q"), "ends"


def text_of(now: Snapshot, view: View) -> list[str]:
    return [line.plain.rstrip() for line in picture(now, 100, 30, view=view)]


def test_the_page_of_a_group_has_nodes_what_to_do_and_the_explanation() -> None:
    shown = text_of(many(), View(page=("eth1", "vhid11")))
    page = "\n".join(shown)
    assert page.index("do: remove the cause") < page.index("● MASTER")
    assert "CS101 split_brain" in page
    assert "What it means" in page


@pytest.mark.parametrize("size", [(40, 12), (40, 10)])
def test_the_worst_is_there_however_small(size: tuple[int, int]) -> None:
    assert "✗ CS101" in text(many(), *size)
    assert "10.77.1.11" in text(many(), *size)


def test_what_terminals_send() -> None:
    assert read("j\x1b[A\x1b[B\r\x1b/") == ["j", "up", "down", "enter", "escape", "/"]


def test_a_symptom_that_is_worse_than_its_cause_is_not_left_out() -> None:
    now = many()
    symptom = dataclasses.replace(now.open[0], is_symptom=True, identity="CS101-b")
    cause = dataclasses.replace(
        now.open[0], code="CS501", severity=Severity.ERROR, identity="CS501-a", remedy=REMEDY
    )
    now = dataclasses.replace(now, groups=now.groups[11:12], open=(cause, symptom))
    shown = text(now, 40, 12)
    assert shown.index("CS501") < shown.index("do: ") < shown.index("✗ CS101")


def test_what_is_not_looked_at_is_said_on_every_screen() -> None:
    now = many()
    flooded = dataclasses.replace(now.interfaces[0], skipped=4_294)
    now = dataclasses.replace(now, interfaces=(flooded,))
    for width, height in ((80, 24), (200, 60), (80, 12)):
        assert "4,294 not looked at (a flood)" in text(now, width, height)


def test_a_small_screen_has_a_row_for_a_group_in_place_of_its_nodes() -> None:
    now = snapshot(groups=1, nodes=2)
    calm = dataclasses.replace(now, open=(), incidents=())
    calm = dataclasses.replace(calm, groups=(dataclasses.replace(now.groups[0], status="healthy"),))
    shown = text(calm, 40, 12)
    assert "1 group: 1 healthy" in shown
    assert "✓ 192.0.2.100" in shown
    assert "? help" in shown, "who has no room for a legend finds the keys all the same"


def test_signs_are_of_the_state_and_what_is_not_seen_is_not_called_silent() -> None:
    now = snapshot(groups=1, nodes=2)
    group = dataclasses.replace(now.groups[0], status="degraded", hour=" " * 58 + "M0")
    shown = text(dataclasses.replace(now, groups=(group,)), 80, 24)
    assert "! 192.0.2.100 (vhid0)  last hour ···················▁" in shown
    group = dataclasses.replace(group, is_known=False)
    shown = text(dataclasses.replace(now, groups=(group,)), 80, 24)
    assert "? 192.0.2.100 (vhid0)  unknown" in shown
    assert "? not seen" in shown
    assert "silent" not in shown.partition("takeover")[2]


def test_a_terminal_without_signs_has_words_and_loses_nothing_for_them() -> None:
    shown = text(trouble(1), 80, 24, unicode=False)
    assert "WRONG CS101" in shown
    assert "both have been MASTER both have been MASTER" in " ".join(shown.split())
    calm = dataclasses.replace(trouble(1), open=(), incidents=())
    assert "ok nothing wrong" in text(calm, 80, 24, unicode=False)


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_latest_minutes_of_the_hour_stay_on_the_page(width: int) -> None:
    now = snapshot(groups=1, nodes=2)
    group = dataclasses.replace(now.groups[0], hour="M" * 59 + "2")
    now = dataclasses.replace(now, groups=(group,))
    (line,) = (
        line.plain
        for line in picture(now, width, 30, view=View(page=(group.interface, group.id)))
        if "the last hour" in line.plain
    )
    split = hour(dataclasses.replace(group, hour="2" * 60), unicode=True).plain
    assert line.rstrip()[-1] == split[-1]
