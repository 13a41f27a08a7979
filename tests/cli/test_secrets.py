"""No output ever holds a passphrase: not help, not errors, not JSON, not a traceback."""

import base64
from pathlib import Path

import pytest

from carpscope.cli.main import main
from tests.program import Result, capture, run, start

SECRET = "quiet-harbour-17"
CAPTURE = capture("ucarp-different-addresses")
FORMS = (
    SECRET,
    SECRET.encode().hex(),
    base64.b64encode(SECRET.encode()).decode(),
    repr(SECRET.encode())[2:-1],
)


def assert_silent(*texts: str) -> None:
    for text in texts:
        for form in FORMS:
            assert form not in text


def check(result: Result) -> None:
    assert_silent(result.out, result.err)


WAYS_OF_PRINTING = [
    ("analyze",),
    ("analyze", "-V"),
    ("analyze", "--json"),
    ("dissect",),
    ("dissect", "-V"),
    ("dissect", "-x"),
    ("dissect", "--json"),
    ("dissect", "--all", "-V"),
]


@pytest.mark.parametrize("command", WAYS_OF_PRINTING, ids=" ".join)
def test_printing_with_a_passphrase_that_fits(command: tuple[str, ...]) -> None:
    result = run(*command, CAPTURE, "-p", SECRET, "-a", "192.0.2.10")
    assert result.status in (0, 1)
    assert "1" in result.out, "its number is what is printed"
    check(result)


@pytest.mark.parametrize("command", WAYS_OF_PRINTING, ids=" ".join)
def test_printing_with_a_passphrase_that_fits_nothing(command: tuple[str, ...]) -> None:
    check(run(*command, capture("freebsd-article"), "-p", SECRET))


def test_passphrases_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = tmp_path / "carp.pass"
    lines.write_text(f"{SECRET}\n")
    lines.chmod(0o600)
    config = tmp_path / "carpscope.toml"
    config.write_text(f'passphrases = ["{SECRET}"]\n')
    config.chmod(0o600)
    expected = run("analyze", "--json", CAPTURE, "-p", SECRET)
    for arguments in (["--passphrase-file", str(lines)], ["--config", str(config)]):
        result = run("analyze", "--json", CAPTURE, *arguments)
        assert result == expected
        check(result)
    monkeypatch.setenv("CARPSCOPE_PASSPHRASE", SECRET)
    result = run("analyze", "--json", CAPTURE)
    assert result == expected
    check(result)


@pytest.mark.parametrize(
    "arguments",
    [
        (f"--pasphrase={SECRET}",),
        ("--pasphrase", SECRET),
        (f"--pass={SECRET}",),
        (f"-P{SECRET}",),
        ("-p", SECRET, "--frobnicate"),
        ("-p", SECRET, "-a", "nonsense"),
        ("-p", SECRET, "nowhere.pcap"),
        ("-p", SECRET, "-f", "nonsense nonsense"),
        ("-p", SECRET, "--config", "nowhere.toml"),
        ("-p", SECRET, "--passphrase-file", "nowhere"),
        ("-p", SECRET, "-p"),
        ("-p", SECRET, "--help"),
    ],
)
def test_mistakes_beside_a_passphrase(arguments: tuple[str, ...]) -> None:
    for command in ("analyze", "dissect"):
        check(run(command, CAPTURE, *arguments))


@pytest.mark.parametrize(
    "text",
    [
        f'passphrases = "{SECRET}"',
        f'passphrases = ["{SECRET}", 5]',
        f'passphrases = ["{SECRET}',
        f'passphrases = ["{SECRET}"]\npassphrases = ["{SECRET}"]',
        f'passphrases = ["{SECRET}"]\naddresses = ["nonsense"]',
        f'passphrases = ["{SECRET}"]\nfrobnicate = 1',
    ],
)
def test_mistakes_in_a_configuration(text: str, tmp_path: Path) -> None:
    config = tmp_path / "carpscope.toml"
    config.write_text(text)
    result = run("analyze", CAPTURE, "--config", str(config))
    assert result.status == 2
    assert result.err.count("\n") == 1
    check(result)


def test_a_traceback_of_our_own_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object, **more: object) -> object:
        raise RuntimeError(f"our own mistake with {arguments!r} {more!r}")

    monkeypatch.setattr("carpscope.timeline.observe.Observer.see", broken)
    monkeypatch.setattr("carpscope.auth.verify.Verifier.check", broken)
    for command in ("analyze", "dissect"):
        status = main([command, "--debug", CAPTURE, "-p", SECRET, "-a", "192.0.2.10"])
        printed = capsys.readouterr()
        assert status == 70
        assert "RuntimeError: our own mistake" in printed.err
        assert_silent(printed.out + printed.err)


def test_what_holds_candidates_does_not_print_them() -> None:
    code = (
        "import sys; from carpscope.config import Config; from carpscope.auth.keyring import *\n"
        "word = sys.argv[1].encode(); ring = Keyring([word])\n"
        "print(repr(Config((word,))), ring, ring.keys)"
    )
    result = start("-c", code, SECRET, prefix=(__import__("sys").executable,))
    assert "1 passphrases" in result.out
    check(result)
