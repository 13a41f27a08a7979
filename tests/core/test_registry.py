"""A folder is searched; a file in it is all that growing takes."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from carpscope.core.errors import CarpscopeError
from carpscope.core.registry import discover, modules


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an empty package `grown` and forget it afterwards."""
    folder = tmp_path / "grown"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield folder
    modules.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "grown"]:
        del sys.modules[name]


def test_every_module_in_order_of_names(package: Path) -> None:
    (package / "b.py").write_text("NUMBER = 2\n")
    (package / "a.py").write_text("NUMBER = 1\n")
    (package / "_helper.py").write_text("raise SystemExit\n")
    (package / "notes.txt").write_text("not a module")
    assert [module.__name__ for module in modules("grown")] == ["grown.a", "grown.b"]
    assert discover("grown", "NUMBER", int) == [1, 2]


def test_an_empty_package_cannot_be_read(package: Path) -> None:
    """Nothing of ours is empty: whoever finds nothing may not look."""
    with pytest.raises(CarpscopeError, match=r"grown: nothing of grown is there, or it cannot"):
        discover("grown", "NUMBER", int)


def test_a_folder_that_cannot_be_read_any_more_was_read(package: Path) -> None:
    (package / "a.py").write_text("NUMBER = 1\n")
    assert discover("grown", "NUMBER", int) == [1]
    (package / "a.py").unlink()
    assert discover("grown", "NUMBER", int) == [1]


@pytest.mark.parametrize("content", ["", "NUMBER = 'one'\n"], ids=["missing", "another type"])
def test_a_module_without_it_is_our_mistake(package: Path, content: str) -> None:
    (package / "a.py").write_text(content)
    with pytest.raises(AssertionError, match=r"grown\.a has no NUMBER: int"):
        discover("grown", "NUMBER", int)
