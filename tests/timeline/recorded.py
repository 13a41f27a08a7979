"""The traces of tests/data, and what their nodes sign with."""

import json
from pathlib import Path

from carpscope.config import Config

TRACES = sorted(Path("tests/data/traces").glob("*.pcap"))


def secrets(path: Path) -> Config:
    """Give the passphrases that the truth beside a capture names."""
    truth = json.loads(path.with_suffix(".json").read_text())
    nodes = truth.get("scenario", truth)["nodes"]
    vhids = [vhid for node in nodes for vhid in node.get("vhids", [node])]
    words = dict.fromkeys(v["passphrase"].encode() for v in vhids if "passphrase" in v)
    return Config(tuple(words))
