"""A folder is searched; a file in it is all that growing takes."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    for name in [name for name in sys.modules if name.split(".")[0] == "grown"]:
        del sys.modules[name]


def test_every_module_in_order_of_names(package: Path) -> None:
    (package / "b.py").write_text("NUMBER = 2\n")
    (package / "a.py").write_text("NUMBER = 1\n")
    (package / "_helper.py").write_text("raise SystemExit\n")
    (package / "notes.txt").write_text("not a module")
    assert [module.__name__ for module in modules("grown")] == ["grown.a", "grown.b"]
    assert discover("grown", "NUMBER", int) == [1, 2]


def test_an_empty_package_has_none(package: Path) -> None:
    assert discover("grown", "NUMBER", int) == []


@pytest.mark.parametrize("content", ["", "NUMBER = 'one'\n"], ids=["missing", "another type"])
def test_a_module_without_it_is_our_mistake(package: Path, content: str) -> None:
    (package / "a.py").write_text(content)
    with pytest.raises(AssertionError, match=r"grown\.a has no NUMBER: int"):
        discover("grown", "NUMBER", int)
