"""A search that was cut says so: on the screen, in the document, to who waits at a terminal."""

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from tests.auth.shipment import analyzed, nodes, ship
from tests.program import COMMAND, ROOT, run
from tests.timeline.signers import Says, Way, sent

pytestmark = pytest.mark.slow

FOREIGN = Way(("203.0.113.1", "203.0.113.7", "203.0.113.9"), b"nobody knows")
MANY = ",".join(f"10.1.0.{n}" for n in range(1, 23))


def capture(folder: Path, senders: int = 1) -> str:
    talk = [
        Says(second + index / 100, f"10.0.0.{index + 1}", 7919 * (second + 2) ** 3 + index, FOREIGN)
        for second in range(5)
        for index in range(senders)
    ]
    return ship(folder / "foreign.pcap", sent(talk))


def test_on_the_screen_and_in_the_document(tmp_path: Path) -> None:
    path = capture(tmp_path)
    arguments = ("-p", "guess", "-a", MANY)
    limits = nodes(analyzed(path, arguments))[0]["authentication"]["limits"]
    assert any("every subset of the first 20 was tried" in limit for limit in limits)
    screen = " ".join(run("analyze", path, *arguments).out.split())
    for limit in limits:
        assert limit in screen


def test_a_finding_says_it_once(tmp_path: Path) -> None:
    talk = [Says(s, "10.0.0.1", 7919 * (s + 2) ** 3, FOREIGN) for s in range(20)]
    ours = Way(("10.1.0.1",), b"guess")
    talk += [Says(s + 0.3, "10.0.0.2", 6007 * (s + 2) ** 3, ours) for s in range(20)]
    path = ship(tmp_path / "two.pcap", sent(talk))
    screen = " ".join(run("analyze", path, "-p", "guess", "-a", MANY).out.split())
    assert screen.count("every subset of the first 20 was tried") == 1
    assert "Not everything was tried" in screen


def test_who_waits_sees_that_it_searches(tmp_path: Path) -> None:
    path = capture(tmp_path)
    master, slave = pty.openpty()
    words = [*COMMAND, "analyze", path, "-p", "guess", "-a", MANY]
    with subprocess.Popen(words, stderr=slave, stdout=subprocess.PIPE, cwd=ROOT) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:
                break
            if not part:
                break
            shown += part
        assert process.wait() == 1, "nothing verifies, which is said"
    os.close(master)
    assert b"searching passphrases and addresses" in shown
    assert re.search(rb"[1-9][0-9]?%", shown)
    assert b"guess" not in shown


def test_nobody_sees_it_in_a_pipe(tmp_path: Path) -> None:
    result = run("analyze", capture(tmp_path), "-p", "guess", "-a", MANY)
    assert "searching" not in result.out + result.err
