"""What the command line understands, and what it says where it does not."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.program import COMMAND, ROOT, capture, run

SPLIT = capture("ucarp-different-addresses")


def test_no_arguments_print_the_help() -> None:
    done = run()
    assert done.status == 0
    assert done.out == run("--help").out == run("help").out
    assert "usage: carpscope" in done.out


def test_help_of_a_command() -> None:
    assert run("help", "dissect").out == run("dissect", "--help").out


def test_version_has_a_short_form() -> None:
    assert run("-V").out == run("--version").out
    assert run("-V").out.startswith("carpscope 0.")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("analyse", "x.pcap"), "analyze"),
        (("help", "disect"), "dissect"),
        (("analyze", "--jsno", "x.pcap"), "--json"),
        (("live", "--nagois"), "--nagios"),
        (("explain", "split-brian"), "split_brain"),
        (("explain", "failovr"), "failover"),
    ],
)
def test_what_was_probably_meant(words: tuple[str, ...], meant: str) -> None:
    done = run(*words)
    assert done.status == 2
    assert f"did you mean {meant}?" in done.err
    assert done.err.count("\n") == 1


def test_nothing_is_meant_where_nothing_is_near() -> None:
    assert "did you mean" not in run("explain", "wellington").err


def test_a_value_is_never_repeated() -> None:
    done = run("analyze", "--passphrsae=quiet-harbour-17", SPLIT)
    assert done.status == 2
    assert "--passphrase?" in done.err
    assert "quiet" not in done.err


def test_every_finding_and_event_is_explained() -> None:
    listed = run("explain").out
    labels = re.findall(r"^(?:CS\d+)? +[a-z]+ +([a-z_]+) ", listed, re.MULTILINE)
    assert {"split_brain", "failover", "clean_handover", "preemption", "demotion"} < set(labels)
    assert {"internal_error", "state", "notice"} < set(labels)
    for label in labels:
        page = run("explain", label)
        assert page.status == 0
        assert "What it means" in page.out
        assert "What to do" in page.out


def test_explanations_as_a_document() -> None:
    one = json.loads(run("explain", "--json", "cs101").out)
    assert one["schema"] == "carpscope.explain/1"
    (page,) = one["pages"]
    assert (page["code"], page["label"], page["severity"]) == ("CS101", "split_brain", "critical")
    assert page["page"] == run("explain", "CS101").out.partition("\n\n")[2].strip()
    every = json.loads(run("explain", "--json").out)["pages"]
    assert {p["kind"] for p in every} == {"finding", "event"}
    assert all(p["severity"] is None for p in every if p["kind"] == "event")


@pytest.mark.parametrize("words", [("analyze", "-q"), ("dissect", "-c", "1")])
def test_standard_input_that_is_a_file_needs_no_name(words: tuple[str, ...]) -> None:
    with Path(SPLIT).open("rb") as stream:
        done = subprocess.run([*COMMAND, *words], stdin=stream, capture_output=True, check=False)
    assert done.returncode == run(*words, SPLIT).status
    assert done.stdout.decode() == run(*words, SPLIT).out


@pytest.mark.parametrize(
    ("severity", "status"), [("info", 1), ("warning", 1), ("error", 1), ("critical", 1)]
)
def test_fail_on_a_split_brain(severity: str, status: int) -> None:
    assert run("analyze", "-q", "--fail-on", severity, SPLIT).status == status


def test_fail_on_what_is_less(tmp_path: Path) -> None:
    """A severity above all that was found is no failure."""
    document = json.loads(run("analyze", "--json", capture("ucarp-equal-skew")).out)
    worst = {f["severity"] for f in document["findings"]}
    assert worst == {"warning"}
    assert run("analyze", "-q", capture("ucarp-equal-skew")).status == 1
    assert run("analyze", "-q", "--fail-on", "error", capture("ucarp-equal-skew")).status == 0
    assert run("analyze", "-q", "--fail-on", "bad", SPLIT).status == 2


def test_colour_where_it_is_asked() -> None:
    assert "\x1b[" in run("analyze", "--color", "always", SPLIT).out
    assert "\x1b[" not in run("analyze", "--color", "never", SPLIT).out
    assert run("analyze", "--color", "never", SPLIT).out == run("analyze", SPLIT).out


def test_signs_become_words_where_the_encoding_has_none() -> None:
    done = subprocess.run(
        [*COMMAND, "analyze", SPLIT],
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    text = done.stdout.decode("ascii")
    assert "WRONG 192.0.2.10 and 192.0.2.11 (vhid 1): 192.0.2.1 and 192.0.2.2" in text
    assert "?" not in text.splitlines()[2]
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        (["-t"], r"192\.0\.2\.1 > "),
        ([], r"00:30:49\.069113 192\.0\.2\.1 > "),
        (["-tt"], r"1795393849\.069113 192\.0\.2\.1 > "),
        (["-ttt"], r"00:00:00\.000000 192\.0\.2\.1 > "),
        (["-tttt"], r"2026-11-23 00:30:49\.069113 192\.0\.2\.1 > "),
        (["-ttttt"], r"00:00:00\.000000 192\.0\.2\.1 > "),
        (["-t", "-e"], r"00:00:5e:00:00:01 > 01:00:5e:00:00:12 length 70: 192\.0\.2\.1 > "),
        (["-t", "-v"], r"\(tos 0x10, ttl 255, id 8523 DF, length 56\) 192\.0\.2\.1 > "),
    ],
)
def test_lines_begin_as_those_of_tcpdump(options: list[str], pattern: str) -> None:
    first = run("dissect", "-c", "1", *options, SPLIT).out
    assert re.match(pattern, first)


@pytest.mark.parametrize("option", ["-tt", "-ttt", "-tttt", "-ttttt"])
def test_times_are_those_that_tcpdump_prints(option: str) -> None:
    done = subprocess.run(
        ["tcpdump", "-n", option, "-r", SPLIT, "proto 112"],
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [line.partition(" IP ")[0].strip() for line in done.stdout.splitlines()]
    ours = [
        line.partition(" 192.0.2.")[0] for line in run("dissect", option, SPLIT).out.splitlines()
    ]
    assert len(theirs) == 51
    assert ours == theirs


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("simulate", SPLIT), f"is a capture: carpscope simulate --from {SPLIT}"),
        (("simulate", "--example", "failover", "--speed", "0"), "not a number above 0"),
        (("simulate", "--example", "failover", "--speed", "-3"), "not a number above 0"),
        (("simulate", "--example", "failover", "--speed", "nan"), "not a number above 0"),
        (("report", SPLIT, "--log", SPLIT, "-o", "FOLDER"), "is a capture; name it as CAPTURE"),
        (("analyze", SPLIT, "--passphrase-file", "/dev/null"), "holds no passphrase"),
    ],
)
def test_impossible_values_are_refused(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = run(*(str(tmp_path / "case") if word == "FOLDER" else word for word in words))
    assert done.status == 2
    assert told in done.err
    assert done.err.count("\n") == 1


def test_a_code_to_ignore_exists(tmp_path: Path) -> None:
    config = tmp_path / "carpscope.toml"
    config.write_text('[tolerances]\nignore = ["CS191"]\n')
    done = run("analyze", "--config", str(config), SPLIT)
    assert done.status == 2
    assert "CS191: no such finding (carpscope explain lists them)" in done.err
