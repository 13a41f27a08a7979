"""Every command, every way of giving a passphrase: no output and no file has it afterwards.

Each runs as a process of its own in a folder of its own, with its home and its caches there.
What it printed, every file it left, what /proc shows of it and of what it starts are searched
for each secret, as text, in hexadecimal and in base64 at any alignment.
"""

import base64
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.stage import Watcher, needs_namespaces, until, wire
from tests.program import COMMAND, ROOT, capture

pytestmark = pytest.mark.slow

SECRET = "quiet-harbour-17"
KEY_SECRET = "tall-lantern-93"
CAPTURE = capture("ucarp-different-addresses")
OTHER = capture("freebsd-article")
GIVEN = frozenset({"carp.pass", "carpscope.toml"})
"""Where the secret is meant to be."""


def forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield raw
    yield raw[:-1]
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield raw.hex(":").encode()
    yield secret.encode("utf-16-le")
    for before in range(3):  # whatever stands in front of it; the ends mix with what is beside
        yield base64.b64encode(bytes(before) + raw)[4:-4]


NEEDLES = tuple(form for secret in (SECRET, KEY_SECRET) for form in forms(secret))


def found_in(data: bytes) -> list[bytes]:
    return [needle for needle in NEEDLES if needle in data]


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.name not in GIVEN)


def assert_nowhere(folder: Path, *texts: bytes) -> None:
    for text in texts:
        assert found_in(text) == []
    for path in files(folder):
        assert found_in(path.read_bytes()) == [], path
        assert found_in(os.fsencode(path)) == [], path


class Way(NamedTuple):
    """How a passphrase gets in."""

    words: tuple[str, ...]
    environment: dict[str, str]


def ways(folder: Path) -> dict[str, Way]:
    (folder / "carp.pass").write_text(f"{SECRET}\n")
    (folder / "carpscope.toml").write_text('passphrase_file = "carp.pass"\n')
    for name in GIVEN:
        (folder / name).chmod(0o600)
    return {
        "-p": Way(("-p", SECRET), {}),
        "file": Way(("--passphrase-file", str(folder / "carp.pass")), {}),
        "environment": Way((), {"CARPSCOPE_PASSPHRASE": SECRET}),
        "configuration": Way(("--config", str(folder / "carpscope.toml")), {}),
    }


def home(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_STATE_HOME": str(folder / "state"),
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
    }


def started(
    folder: Path, words: Sequence[str], environment: dict[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env={**home(folder), **environment},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=120,
    )


RUNS = [
    ("analyze", CAPTURE),
    ("analyze", "-V", CAPTURE, OTHER),
    ("analyze", "--json", CAPTURE),
    ("analyze", "-q", CAPTURE),
    ("analyze", str(Path(CAPTURE).parent)),  # a folder
    ("dissect", CAPTURE),
    ("dissect", "-V", "-x", CAPTURE),
    ("dissect", "--json", "--all", CAPTURE),
    ("simulate", "--from", CAPTURE),
    ("simulate", "--from", CAPTURE, "--json"),
    ("simulate", "--from", CAPTURE, "--crash", "192.0.2.1@10", "-w", "made.pcap"),
    ("report", CAPTURE, "-o", "case"),
    ("live", "--check-config"),
    ("analyze", "nowhere.pcap"),
    ("analyze", CAPTURE, "-a", "nonsense"),
    ("report", CAPTURE, "-o", "nowhere/case"),
]


@pytest.mark.parametrize("way", ["-p", "file", "environment", "configuration"])
@pytest.mark.parametrize("words", RUNS, ids=lambda words: " ".join(map(str, words[:3]))[-40:])
def test_no_command_tells_a_passphrase(words: tuple[str, ...], way: str, tmp_path: Path) -> None:
    chosen = ways(tmp_path)[way]
    done = started(tmp_path, [words[0], *chosen.words, *words[1:]], chosen.environment)
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stderr
    assert_nowhere(tmp_path, done.stdout, done.stderr)


def test_what_is_searched_for_would_be_found() -> None:
    for text in (SECRET, KEY_SECRET):
        for raw in (text.encode(), f"x{text}".encode(), f"xy{text}z".encode()):
            assert found_in(base64.b64encode(raw))
            assert found_in(raw.hex().encode())
            assert found_in(raw)


def test_keys_and_signed_reports_tell_no_passphrase(tmp_path: Path) -> None:
    chosen = ways(tmp_path)["environment"].environment
    environment = {**chosen, "CARPSCOPE_KEY_PASSPHRASE": KEY_SECRET}
    for words, status in (
        (("keygen", "examiner.pem"), 0),
        (("keygen", "examiner", "--openssh"), 0),
        (("keygen", "examiner.pem"), 2),
        (("report", CAPTURE, "-o", "case", "--sign", "examiner.pem"), 0),
        (("report", CAPTURE, "-o", "case-2", "--sign", "examiner"), 0),
        (("verify", "case", "--key", "examiner.pub.pem", "--evidence", CAPTURE), 0),
        (("verify", "case-2", "--json"), 0),
        (("explain", "CS303"), 0),
    ):
        done = started(tmp_path, words, environment)
        assert done.returncode == status, done.stderr
        assert_nowhere(tmp_path, done.stdout, done.stderr)
    wrong = started(
        tmp_path,
        ("report", CAPTURE, "-o", "case-3", "--sign", "examiner.pem"),
        {"CARPSCOPE_KEY_PASSPHRASE": f"{KEY_SECRET}!"},
    )
    assert wrong.returncode == 2
    assert_nowhere(tmp_path, wrong.stdout, wrong.stderr)


def typed(folder: Path, words: Sequence[str], prompt: bytes, text: str) -> tuple[int, bytes]:
    """Run on a terminal and type; return the status and all that the terminal showed."""
    master, slave = pty.openpty()
    with (
        os.fdopen(master, "rb+", buffering=0) as terminal,
        subprocess.Popen(
            [*COMMAND, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={**home(folder), "TERM": "dumb"},
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - no thread runs here
        ) as process,
    ):
        os.close(slave)
        shown = b""
        while prompt not in shown:
            shown += terminal.read(4096)
        terminal.write(f"{text}\n".encode())
        try:
            while block := terminal.read(4096):
                shown += block
        except OSError:  # EIO: the program has gone, and the terminal with it
            pass
        return process.wait(timeout=60), shown


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_prompt_does_not_show_what_is_typed(tmp_path: Path) -> None:
    words = ("analyze", "--json", "--ask-passphrase", CAPTURE, "-a", "192.0.2.10")
    status, shown = typed(tmp_path, words, b"passphrase: ", SECRET)
    assert status == 1
    assert b'"passphrase": 1' in shown, "it is used"
    assert_nowhere(tmp_path, shown)


def test_nobody_to_ask_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "analyze", "--ask-passphrase", CAPTURE],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=tmp_path,
        env=home(tmp_path),
        start_new_session=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"no terminal to ask on: set CARPSCOPE_PASSPHRASE" in done.stderr


@pytest.mark.parametrize(("mode", "is_told"), [(0o600, False), (0o640, False), (0o644, True)])
def test_the_mode_of_a_file_with_passphrases_is_looked_at(
    mode: int, is_told: bool, tmp_path: Path
) -> None:
    chosen = ways(tmp_path)["file"]
    (tmp_path / "inline.toml").write_text(f'passphrases = ["{SECRET}"]\n')
    (tmp_path / "inline.toml").chmod(mode)
    (tmp_path / "carp.pass").chmod(mode)
    for words in (chosen.words, ("--config", "inline.toml")):
        done = started(tmp_path, ("analyze", CAPTURE, "-q", *words), {})
        assert done.returncode == 1
        assert (f"(mode {mode:04o}): chmod 600".encode() in done.stderr) == is_told
        assert done.stderr.count(b"\n") == int(is_told)
        assert found_in(done.stdout + done.stderr) == []


def test_a_traceback_of_our_own_mistake_shows_no_passphrase(tmp_path: Path) -> None:
    code = (
        "import carpscope.timeline.observe as o, carpscope.auth.verify as v, sys\n"
        "def broken(self, *a, **k): raise RuntimeError(f'ours: {self!r} {a!r}')\n"
        "o.Observer.see = o.Observer.search_quickly = v.Verifier.check = broken\n"
        "from carpscope.cli.main import entry; entry()\n"
    )
    for name in ("analyze", "dissect", "report"):
        for number, way in enumerate(ways(tmp_path).values()):
            extra = ("-o", f"case-{number}") if name == "report" else ()
            done = subprocess.run(
                [
                    sys.executable,
                    "-X",
                    "dev",
                    "-c",
                    code,
                    name,
                    "--debug",
                    CAPTURE,
                    *way.words,
                    *extra,
                ],
                cwd=tmp_path,
                env={**home(tmp_path), **way.environment},
                capture_output=True,
                check=False,
                timeout=60,
            )
            assert b"RuntimeError: ours" in done.stderr
            assert_nowhere(tmp_path, done.stdout, done.stderr)


@needs_namespaces
@pytest.mark.parametrize("way", ["file", "environment"])
def test_a_live_run_tells_no_passphrase_nor_hands_it_to_what_it_starts(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events, state, metrics, evidence, what a hook is given, and what /proc shows."""
    chosen = ways(tmp_path)[way]
    hook = tmp_path / "hook"
    hook.write_text(
        f"#!/bin/sh\ncat >>{tmp_path}/hook.in\nenv >>{tmp_path}/hook.env\n"
        f"tr '\\0' ' ' </proc/$PPID/cmdline >>{tmp_path}/hook.parent\n"
    )
    hook.chmod(0o755)
    for name, value in {**home(tmp_path), **chosen.environment}.items():
        monkeypatch.setenv(name, value)
    with wire() as (within, tx, _):
        subprocess.run([*within, "ip", "link", "set", "lo", "up"], check=True, timeout=30)
        watcher = Watcher(
            within, "-i", "span0", "--user", "root", *chosen.words, "-a", "192.0.2.10",
            "--state", str(tmp_path / "state.json"), "--evidence", str(tmp_path / "evidence"),
            "-w", str(tmp_path / "kept.pcapng"), "--exec", str(hook),
            "--metrics", "127.0.0.1:9112", "--out", f"json={tmp_path / 'events.json'}",
        )  # fmt: skip
        try:
            watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
            sender = [sys.executable, "-m", "tests.live.sender", "8", tx, CAPTURE]
            subprocess.run([*within, *sender], cwd=ROOT, check=True, timeout=60)
            watcher.finding("address_set_mismatch", seconds=30)
            metrics = subprocess.run(
                [*within, sys.executable, "-c", _SCRAPE],
                capture_output=True,
                check=True,
                timeout=30,
            ).stdout
            watcher.process.send_signal(signal.SIGUSR1)
            until(lambda: any("MASTER for" in line for line in watcher.errors), 10, "the state")
            title = Path(f"/proc/{watcher.process.pid}/cmdline").read_bytes()
            assert watcher.end(signal.SIGTERM) in (0, 1)
        finally:
            watcher.kill()
    assert b"carpscope_masters{" in metrics
    assert (tmp_path / "hook.env").stat().st_size
    for name in ("state.json", "events.json", "kept.pcapng", "hook.in"):
        assert (tmp_path / name).stat().st_size, name
    told = "\n".join([*watcher.lines, *watcher.errors]).encode()
    hook.unlink()
    assert_nowhere(tmp_path, told, metrics, title)


_SCRAPE = (
    "import urllib.request as u; "
    "print(u.urlopen('http://127.0.0.1:9112/metrics', timeout=20).read().decode())"
)
