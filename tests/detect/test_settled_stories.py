"""Every rule of configurations has a cluster in which it fires, and a near miss.

`stories/CODE_label/fires.conf` and `quiet.conf` are the files of a cluster in one text.
"""

from pathlib import Path

import pytest

from carpscope.detect.engine import rules
from tests.detect.configured import checked, labels

STORIES = Path(__file__).parent / "stories"
NAMES = sorted(path.parent.name for path in STORIES.glob("*/fires.conf"))


@pytest.mark.parametrize("name", NAMES)
def test_it_fires(name: str, tmp_path: Path) -> None:
    code, _, label = name.partition("_")
    found = checked((STORIES / name / "fires.conf").read_text(), tmp_path)
    hits = [one for one in found.findings if one.label == label]
    assert hits, labels(found)
    for finding in hits:
        assert finding.code == code.upper()
        assert finding.summary
        assert finding.explanation
        assert finding.remedy
    identities = [one.identity for one in found.findings]
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_quiet(name: str, tmp_path: Path) -> None:
    found = checked((STORIES / name / "quiet.conf").read_text(), tmp_path)
    assert name.partition("_")[2] not in labels(found)


def test_every_rule_of_configurations_has_its_stories() -> None:
    told = {name.partition("_")[0].upper() for name in NAMES}
    assert {rule.code for rule in rules() if rule.examine is not None} == told
