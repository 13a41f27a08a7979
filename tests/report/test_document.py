"""The analysis document is as docs/formats.md says, for each shipped capture and several."""

import json
from typing import Any

import pytest

from tests.program import CAPTURES, capture, run
from tests.schemas import mistakes

NAMES = sorted(path.parent.name for path in CAPTURES.glob("*/about.toml"))


def document(*arguments: str) -> dict[str, Any]:
    result = run("analyze", "--json", *arguments)
    data: dict[str, Any] = json.loads(result.out)
    judged = data["status"] != "unknown"
    assert result.status in ((0, 1) if judged else (2,))
    assert result.err.count("\n") == (0 if judged else 1)
    return data


def check(data: dict[str, Any]) -> None:
    assert mistakes(data, "analysis") == []
    groups = {group["id"] for group in data["groups"]}
    identities = [finding["identity"] for finding in data["findings"]]
    assert len(set(identities)) == len(identities)
    for finding in data["findings"]:
        assert finding["group"] in groups
        assert finding["frames"], "a finding without evidence"
        assert finding["start"] <= finding["end"]
        assert set(finding["caused_by"]) < set(identities)
        assert finding["frame_count"] >= len(finding["frames"])
        assert "\n" not in finding["summary"]
    for event in data["events"]:
        assert event["group"] in groups
        assert event["start"] <= event["end"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("secret", [(), ("-p", "quiet-harbour-17"), ("-p", "wrong")], ids=len)
def test_every_capture_gives_a_whole_document(name: str, secret: tuple[str, ...]) -> None:
    check(document(capture(name), *secret))


def test_several_captures_name_their_frames() -> None:
    paths = [capture("ucarp-bad-ttl"), capture("vrrp-same-id")]
    data = document(*paths)
    check(data)
    assert [evidence["path"] for evidence in data["evidence"]] == paths
    frames = [frame for finding in data["findings"] for frame in finding["frames"]]
    assert frames
    assert all(str(frame).rpartition(":")[0] in paths for frame in frames)


def test_without_a_secret_nothing_is_claimed() -> None:
    data = document(capture("ucarp-healthy"))
    verdict = data["groups"][0]["nodes"][0]["authentication"]
    assert verdict["status"] == "unchecked"
    assert [verdict[key] for key in ("passphrase", "addresses", "rule")] == [None] * 3


def test_names_of_the_configuration_and_their_absence(tmp_path: Any) -> None:
    config = tmp_path / "carpscope.toml"
    config.write_text('[[node]]\nname = "alpha"\naddresses = ["192.0.2.1"]\n')
    data = document(capture("ucarp-healthy"), "--config", str(config))
    assert data["groups"][0]["nodes"][0]["name"] == "alpha"
    bare = document(capture("ucarp-healthy"), "--config", str(config), "-n")
    assert bare["groups"][0]["nodes"][0]["name"] is None


def test_the_same_frames_give_the_same_bytes() -> None:
    path = capture("ucarp-flapping")
    assert run("analyze", "--json", path) == run("analyze", "--json", path)


def test_a_count_and_a_filter_narrow_what_is_seen() -> None:
    path = capture("ucarp-two-vhids")
    few = document(path, "--count", "20")
    assert sum(evidence["advertisements"] for evidence in few["evidence"]) < 20
    one = document(path, "-f", "src host 192.0.2.2")
    nodes = {node["id"] for group in one["groups"] for node in group["nodes"]}
    assert nodes == {"192.0.2.2"}
