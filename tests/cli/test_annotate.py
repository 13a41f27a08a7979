"""Comments as tshark shows them: on every advertisement, and nothing else is changed."""

import subprocess
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from tests.program import capture, run

SPLIT = capture("ucarp-different-addresses")
SECRETS = ("-p", "quiet-harbour-17", "-a", "192.0.2.10,192.0.2.11")


def commented(path: Path) -> dict[int, str]:
    """Return what tshark shows, by frame."""
    done = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", "-e", "frame.number", "-e", "frame.comment"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.partition("\t") for line in done.stdout.splitlines()]
    return {int(number): comment for number, _, comment in rows}


def test_every_advertisement_has_its_verdict(tmp_path: Path) -> None:
    out = tmp_path / "told.pcapng"
    done = run("annotate", SPLIT, "-o", str(out), *SECRETS)
    assert (done.status, done.err) == (0, "carpscope: 72 packets, 51 with a comment\n")
    shown = commented(out)
    lines = run("dissect", "-t", SPLIT, *SECRETS).out.splitlines()
    told = [comment for comment in shown.values() if comment]
    assert [comment.split("\\n")[0] for comment in told] == lines
    assert sum("hmac ✓ #1" in comment for comment in told) == 51
    assert "CS201 address_set_mismatch" in shown[22]
    assert "CS101 split_brain" in told[-1]
    assert len(shown) == 72


def test_events_stand_at_their_frames(tmp_path: Path) -> None:
    out = tmp_path / "told.pcapng"
    assert run("annotate", "-q", capture("ucarp-failover"), "-o", str(out)).status == 0
    told = [c for c in commented(out).values() if "failover: 192.0.2.1 fell silent" in c]
    assert len(told) == 2


@pytest.mark.parametrize("name", ["ucarp-qinq", "vrrp-same-id", "ucarp-replayed-advert"])
def test_packets_stay_as_they_were(name: str, tmp_path: Path) -> None:
    out = tmp_path / "told.pcapng"
    run("annotate", capture(name), "-o", str(out))
    with open_capture(capture(name)) as before, open_capture(str(out)) as after:
        kept = [(f.number, f.at, f.data, f.wire_length, f.link) for f in after]
        assert kept == [(f.number, f.at, f.data, f.wire_length, f.link) for f in before]


def test_what_cannot_be(tmp_path: Path) -> None:
    copy = tmp_path / "x.pcap"
    copy.write_bytes(Path(SPLIT).read_bytes())
    for words, told in (
        ((str(copy), "-o", str(copy)), "is the capture itself"),
        (("-", "-o", str(tmp_path / "y")), "reads its capture twice"),
        ((str(copy), "-o", str(tmp_path / "no" / "y")), "No such file"),
        ((str(tmp_path), "-o", str(tmp_path / "y")), "is a directory"),
        ((str(copy),), "required: -o"),
    ):
        done = run("annotate", *words)
        assert done.status == 2
        assert told in done.err
        assert done.err.count("\n") == 1
    assert copy.read_bytes() == Path(SPLIT).read_bytes()
