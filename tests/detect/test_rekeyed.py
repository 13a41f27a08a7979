"""A dual-stack MASTER is given another passphrase while it goes on: both halves are its own."""

from pathlib import Path

from tests.detect.field import analysis, labels
from tests.plain import Tape

VIPS = ("10.0.0.100", "2001:db8::100")


def test_both_families_of_the_first_one_after_the_change_are_its_own(tmp_path: Path) -> None:
    tape = Tape()
    for second in range(40):
        word = "before" if second < 20 else "after"
        for place, source in enumerate(("10.0.0.1", "fe80::1")):
            at = second * 1.01 + place * 0.000002
            tape.advert(at, source, 7, passphrase=word, vips=VIPS)
    found = analysis(tape, tmp_path, "-p", "before", "-a", ",".join(VIPS))
    assert "unverified" not in labels(found)
    (group,) = found["groups"]
    (node,) = group["nodes"]
    assert node["authentication"]["status"] == "failed"
    assert node["advertisements"] == 80
