"""The state file is written by a thread of its own, and says what is wrong with it."""

import threading
from pathlib import Path

import pytest

from carpscope.live import memory


def test_nothing_is_wrong_while_it_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop looks at any time: it once told 'a mistake of carpscope' and that it works again."""
    begun, go_on = threading.Event(), threading.Event()
    save = memory.save

    def slowly(path: Path, document: object) -> None:
        begun.set()
        assert go_on.wait(10)
        save(path, document)  # type: ignore[arg-type]

    monkeypatch.setattr(memory, "save", slowly)
    file = memory.StateFile(tmp_path / "state")
    file.put({"open": []})
    assert begun.wait(10)
    assert file.problem is None
    go_on.set()
    file.close()
    assert (tmp_path / "state").is_file()


def test_what_cannot_be_written_is_told_until_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    file = memory.StateFile(folder / "state")
    file.put({"open": []})
    file.close()
    assert file.problem == f"{folder}/state: No such file or directory"
