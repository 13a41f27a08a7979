"""What one mistake explains is one incident, in the document and on the screen."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.detect.configured import written
from tests.program import run

pytestmark = pytest.mark.slow

CLUSTERS = Path(__file__).parents[1] / "data" / "check"


def checked(name: str, folder: Path) -> tuple[dict[str, Any], str]:
    body = (CLUSTERS / f"{name}.conf").read_text().partition("\n== ")[2]
    paths = [str(path) for path in written(f"== {body}", folder)]
    document: dict[str, Any] = json.loads(run("check", "--json", *paths).out)
    return document, run("check", *paths).out


def test_screen_and_document_have_the_same_incidents(tmp_path: Path) -> None:
    document, screen = checked("freebsd-beside-openbsd", tmp_path)
    held = [identity for one in document["incidents"] for identity in one["findings"]]
    assert sorted(held) == sorted(one["identity"] for one in document["findings"])
    by_identity = {one["identity"]: one for one in document["findings"]}
    serious = [one for one in document["incidents"] if one["severity"] != "info"]
    assert screen.count("✗ ") + screen.count("! ") == len(serious)
    for one in document["incidents"]:
        first = by_identity[one["findings"][0]]
        assert not set(first["caused_by"]) & set(one["findings"]), "the cause comes first"
        assert one["remedy"] == first["remedy"]
        assert "" not in one["groups"]


def test_the_same_mistake_in_two_groups_keeps_both_remedies(tmp_path: Path) -> None:
    line = 'ifconfig_em0_alias{0}="inet vhid {1} advskew {2} pass {3}{1} alias 192.0.2.{1}/32"'
    paths = []
    for name, own, skew, word in (("fw1", 11, 0, "x"), ("fw2", 12, 9, "y")):
        folder = tmp_path / name
        folder.mkdir()
        lines = [f'hostname="{name}"', f'ifconfig_em0="inet 192.0.2.{own}/24"']
        lines += [line.format(vhid - 1, vhid, skew, word) for vhid in (1, 2)]
        (folder / "rc.conf").write_text("\n".join(lines) + "\n")
        paths.append(str(folder))
    document = json.loads(run("check", "--json", *paths).out)
    wrong = [f for f in document["findings"] if f["label"] == "passphrase_mismatch"]
    assert len(wrong) == 2
    homes = [
        one["identity"]
        for one in document["incidents"]
        for finding in wrong
        if finding["identity"] in one["findings"]
    ]
    assert len(set(homes)) == 2
