"""A folder gives what its file gives, whichever is read."""

import json
from pathlib import Path

import pytest

from tests.live.secrets import candidates
from tests.program import CAPTURES, run

pytestmark = pytest.mark.slow

NAMES = sorted(p.parent.name for p in CAPTURES.glob("*/capture.pcap*"))


def told(path: Path, name: str, *options: str) -> object:
    """Analyze with a capture's secrets; leave out what only a folder has."""
    config = candidates(name)
    secrets = [word for one in config.passphrases for word in ("-p", one.decode())]
    result = run("analyze", "--json", str(path), *secrets, *options)
    assert result.status in (0, 1, 2), result.err
    document = json.loads(result.out)
    assert ("folder" in document) == path.is_dir()
    document.pop("folder", None)
    return document


@pytest.mark.parametrize("name", NAMES)
def test_file_and_folder_agree(name: str, tmp_path: Path) -> None:
    source = next(CAPTURES.glob(f"{name}/capture.pcap*"))
    file = tmp_path / "folder" / source.name
    file.parent.mkdir()
    file.write_bytes(source.read_bytes())
    expected = told(file, name)
    assert told(file.parent, name) == expected
