"""The first minute: version, help, and that help does not load the world."""

import re
import sys

import pytest

import carpscope
from carpscope.cli.main import names
from carpscope.core.native import kind
from tests.program import capture, run, start

COMMANDS = names()

HEAVY = {
    "asyncio", "bz2", "cryptography", "dataclasses", "datetime", "distributed", "dpkt", "hashlib",
    "inspect", "json", "lzma", "multiprocessing", "pathlib", "pcapy", "pkgutil", "pyarrow", "rich",
    "shlex", "shutil", "socket", "statistics", "threading", "tomllib", "typing", "urllib",
    "zstandard",
}  # fmt: skip
"""Each takes a tenth of a bare start or more; help needs none of them."""
DECODING = {"hashlib", "typing"}
"""Of those, what decoding a packet and verifying its HMAC needs."""


def test_version_in_both_ways_of_starting() -> None:
    expected = f"carpscope {carpscope.__version__} ({kind()})\n"
    assert start("--version").out == expected
    assert run("--version") == (0, expected, "")


def test_help_shows_examples_and_exit_statuses() -> None:
    result = run("--help")
    assert result.status == 0
    for command in COMMANDS:
        assert re.search(rf"^    {command} ", result.out, re.MULTILINE)
    assert "examples:\n  carpscope analyze office.pcap" in result.out
    assert "0 nothing wrong, 1 findings" in " ".join(result.out.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.status == 0
    assert f"usage: carpscope {command}" in result.out
    assert re.search(rf"^examples:\n  carpscope {command}", result.out, re.MULTILINE)


@pytest.mark.parametrize("width", [80, 200])
def test_help_keeps_to_the_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = run("analyze", "--help").out
    options = text[text.index("options:") : text.index("examples:")]
    assert max(len(line) for line in options.splitlines()) <= width


def test_help_loads_no_heavy_module() -> None:
    code = (
        "import sys\n"
        "from carpscope.cli.main import main\n"
        "main(['--help'])\n"
        "print(*sorted(sys.modules), sep='\\n')"
    )
    loaded = set(start("-c", code, prefix=(sys.executable,)).out.splitlines())
    assert "carpscope.cli.commands.analyze" in loaded
    assert not loaded & HEAVY
    ours = {name for name in loaded if name.startswith("carpscope.")}
    assert {name.split(".")[1] for name in ours} <= {"cli", "core"}


def test_dissecting_loads_what_decoding_needs() -> None:
    code = (
        "import sys\n"
        "from carpscope.cli.main import main\n"
        f"main(['dissect', '-c', '50', {capture('ucarp-two-vhids')!r}])\n"
        "print(*sorted(sys.modules), sep='\\n')"
    )
    loaded = set(start("-c", code, prefix=(sys.executable,)).out.splitlines())
    assert "carpscope.wire.carp" in loaded
    assert not loaded & (HEAVY - DECODING)
    ours = {name.split(".")[1] for name in loaded if name.startswith("carpscope.")}
    assert not ours & {"timeline", "protocol", "detect", "sim", "live", "pipeline"}


def test_what_was_registered_for_the_end_is_done() -> None:
    code = (
        "import atexit, sys\n"
        "from carpscope.cli.main import entry\n"
        "atexit.register(print, 'done')\n"
        "sys.argv = ['carpscope', '--version']\n"
        "entry()"
    )
    buffered = {"PYTHONUNBUFFERED": ""}
    result = start("-c", code, prefix=(sys.executable,), environment=buffered)
    assert result == (0, f"carpscope {carpscope.__version__} ({kind()})\ndone\n", "")


def test_naming_a_command_loads_only_that_one() -> None:
    code = (
        "import sys\n"
        "from carpscope.cli.main import main\n"
        "main(['explain', '--help'])\n"
        "print(*sorted(sys.modules), sep='\\n')"
    )
    loaded = set(start("-c", code, prefix=(sys.executable,)).out.splitlines())
    assert "carpscope.cli.commands.explain" in loaded
    assert "carpscope.cli.commands.analyze" not in loaded
