"""Small clusters, one slip each, and their healthy twins: exactly these labels, these MASTERs.

`tests/data/check/siblings.txt` has them one behind the other.
"""

from pathlib import Path

import pytest

from carpscope.checking.run import Wishes, check
from tests.detect.configured import labels, written

pytestmark = pytest.mark.slow

TEXT = (Path(__file__).parents[1] / "data" / "check" / "siblings.txt").read_bytes().decode()
PARTS = dict(part.split("\n", 1) for part in TEXT.split("#### ")[1:])
PROOF = {"split_brain", "flapping", "master_gap", "unexpected_master"}


@pytest.mark.parametrize("name", PARTS)
def test_a_slip_is_told_and_its_twin_is_not(name: str, tmp_path: Path) -> None:
    head, _, body = PARTS[name].partition("\n== ")
    values = [line.partition(": ") for line in head.splitlines()]
    wanted = {word for key, _, value in values if key == "find" for word in value.split()}
    found = check(written(f"== {body}", tmp_path), Wishes(events=0))
    assert labels(found) - PROOF - {"secret_readable"} == wanted
    masters = [value for key, _, value in values if key == "master"]
    told = [
        f"{group.id} = {' '.join(proof.proof.masters) if proof is not None else ''}"
        for group, proof in zip(found.groups, found.proofs, strict=True)
    ]
    assert [line.rstrip() for line in told] == [line.rstrip() for line in masters]
    proved = [one for one in found.findings if one.label in PROOF]
    assert all(one.caused_by for one in proved)
