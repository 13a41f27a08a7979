"""One host alone is heard while the nodes are silent: is it the capturing one?

Plain bytes. A host captures its own ARP before its card pads it to 60 bytes; what arrives over a
wire is padded.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.detect.field import analysis, labels
from tests.plain import Tape
from tests.program import run

VIP, MASTER = "10.0.0.100", "10.0.0.1"
ASKER, SECOND = "52:54:00:00:00:50", "52:54:00:00:00:51"


def silent(*askers: str, padded: bool, until: int = 90, answered: bool = False) -> Tape:
    """Let the MASTER fall silent after 25 s, while these ask for the address once a second."""
    tape = Tape()
    for turn in range(25):
        tape.advert(turn * 1.01, MASTER, 7, vips=(VIP,))
    for place, asker in enumerate(askers):
        for second in range(2, until):
            at = second + 0.3 * place
            if second < 25 or answered:
                tape.answer(at + 0.0005, "00:00:5e:00:01:07", VIP, asker, f"10.0.0.{50 + place}")
            tape.ask(at, asker, f"10.0.0.{50 + place}", VIP)
    if padded:
        tape.frames = [(at, frame.ljust(60, b"\0")) for at, frame in tape.frames]
    return tape


def seen(tape: Tape, folder: Path) -> dict[str, Any]:
    return analysis(tape, folder, "-p", "plain bytes", "-a", VIP)


@pytest.mark.parametrize("askers", [(ASKER,), (ASKER, SECOND)])
def test_what_came_over_a_wire_proves_the_silence(askers: tuple[str, ...], tmp_path: Path) -> None:
    found = seen(silent(*askers, padded=True), tmp_path)
    assert "master_gap" in labels(found)
    assert found["status"] == "failed"


def test_two_askers_do_so_however_they_were_captured(tmp_path: Path) -> None:
    assert "master_gap" in labels(seen(silent(ASKER, SECOND, padded=False), tmp_path))


def test_one_that_may_capture_itself_is_named(tmp_path: Path) -> None:
    tape = silent(ASKER, padded=False)
    found = seen(tape, tmp_path)
    assert "master_gap" not in labels(found)
    assert found["status"] == "unknown"
    screen = " ".join(run("analyze", tape.write(tmp_path / "tape.pcap")).out.split())
    assert f"of others only frames of 10.0.0.50 ({ASKER})" in screen
    assert "nor frames of others" not in screen


def test_a_page_does_not_say_that_nobody_was_in_charge(tmp_path: Path) -> None:
    """What the screen cannot see, the report does not know either."""
    path = silent(ASKER, padded=False).write(tmp_path / "tape.pcap")
    secrets = ("-p", "plain bytes", "-a", VIP)
    assert run("report", "-o", str(tmp_path / "case"), *secrets, path).status == 0
    page = " ".join((tmp_path / "case" / "report.html").read_text().split())
    assert f"whether a host was in charge of {VIP}" in page
    assert "nobody was in charge" not in page
    assert "the recording does not show how it ended" in page
