"""What carpscope and what it starts may do once it listens, whoever started it, from wherever."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.stage import Watcher, needs_namespaces, until, wire
from tests.live.test_wire import send
from tests.program import CAPTURES, ROOT

pytestmark = needs_namespaces

NET_RAW = 1 << 13
needs_setpriv = pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
CAPABILITIES = ("+net_raw", "+dac_read_search")
"""The second so that `nobody` may read a clone in a folder of mode 0700: it is given up."""
AMBIENT = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
           "--inh-caps", ",".join(CAPABILITIES),
           "--ambient-caps", ",".join(CAPABILITIES)]  # fmt: skip


def sets(status: str) -> dict[str, int]:
    """Give the sets of capabilities in a /proc/PID/status, and NoNewPrivs."""
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    found = {name: int(fields[f"Cap{name}"], 16) for name in ("Eff", "Prm", "Inh", "Amb")}
    return {**found, "NoNewPrivs": int(fields["NoNewPrivs"])}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may write to, outside of what pytest closes."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o777)
        yield Path(made)


@needs_setpriv
@pytest.mark.parametrize("who", ["root", "ambient"])
def test_nothing_but_a_permission_stays_and_nothing_is_inherited(who: str, folder: Path) -> None:
    """/proc of the program, of each of its threads, and of what --exec starts."""
    out, hook = folder / "child", folder / "hook"
    hook.write_text(f"#!/bin/sh\ncat /proc/$$/status > {out}.new && mv {out}.new {out}\n")
    hook.chmod(0o755)
    start = AMBIENT if who == "ambient" else []
    with wire() as (within, tx, _):
        more = ("--exec", str(hook), "--state", str(folder / "state"), "--metrics", "127.0.0.1:0")
        watcher = Watcher([*within, *start], "-i", "span0", *more)
        watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
        sender = send(within, tx, "ucarp-healthy", speed=5)
        until(out.exists, 15, "the hook has run")
        sender.kill()
        sender.wait()
        tasks = list(Path(f"/proc/{watcher.process.pid}/task").iterdir())
        statuses = [(task / "status").read_text() for task in tasks]
        assert watcher.end() == 130
    assert len(tasks) > 4
    held = {"Eff": 0, "Prm": NET_RAW, "Inh": 0, "Amb": 0, "NoNewPrivs": 1}
    for status in statuses:
        assert sets(status) in (held, {**held, "Prm": 0})
        assert "Uid:\t0\t" not in status
    assert sets(out.read_text()) == {"Eff": 0, "Prm": 0, "Inh": 0, "Amb": 0, "NoNewPrivs": 1}
    assert "Uid:\t0\t" not in out.read_text()


@needs_setpriv
def test_an_interface_comes_back_to_who_has_an_ambient_capability() -> None:
    with wire() as (within, _, span):
        watcher = Watcher([*within, *AMBIENT], "-i", "span0")
        watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
        subprocess.run([*within, "ip", "link", "del", span], check=True)
        watcher.wait_for(10, "it is gone", lambda e: e["action"] == "interface_gone")
        make = ["ip", "link", "add", "tx0", "type", "veth", "peer", "name", "span0"]
        subprocess.run([*within, *make], check=True)
        for end in ("tx0", "span0"):
            subprocess.run([*within, "ip", "link", "set", end, "up"], check=True)
        watcher.wait_for(10, "it is back", lambda e: e["action"] == "interface_up")
        assert watcher.end() == 130


def hidden(target: Path) -> list[str]:
    """Copy the program below a folder that only root may enter; give what runs it."""
    home = target / "home"
    home.mkdir(mode=0o700)
    shutil.copytree(ROOT / "carpscope", home / "carpscope")
    return ["env", f"PYTHONPATH={home}", "PYTHONSAFEPATH=1", "PYTHONDONTWRITEBYTECODE=1"]


LATE = """
import os, sys
log = os.open(os.environ["LATE"], os.O_WRONLY | os.O_APPEND)
def hook(event, arguments):
    if event == "import" and os.geteuid() != 0:
        os.write(log, f"{arguments[0]}\\n".encode())
sys.addaudithook(hook)
"""


def test_from_a_folder_that_nobody_may_enter_everything_is_found(folder: Path) -> None:
    """Rules, outputs and the dashboard: and nothing at all is imported after the drop."""
    start = hidden(folder)
    late, site = folder / "late", folder / "site"
    late.touch()
    site.mkdir()
    (site / "sitecustomize.py").write_text(LATE)
    start[1] += f":{site}"
    hook = folder / "hook"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    outputs = ["--out", f"json={folder / 'events.json'}", "--exec", str(hook)]
    outputs += ["--out", "syslog=udp://127.0.0.1:9", "--out", "webhook=http://127.0.0.1:9/"]
    outputs += ["-w", str(folder / "kept.pcapng"), "--evidence", str(folder / "evidence")]
    outputs += ["--state", str(folder / "state"), "--metrics", "127.0.0.1:9113", "-p", "x"]
    scrape = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9113/').read())"
    with wire() as (within, tx, _):
        subprocess.run([*within, "ip", "link", "set", "lo", "up"], check=True)
        words = [*within, *start, f"LATE={late}"]
        watcher = Watcher(words, "-i", "span0", *outputs)
        watcher.wait_for(15, "it listens", lambda e: e["event_type"] == "start")
        sender = send(within, tx, "ucarp-different-addresses", speed=1)
        watcher.finding("split_brain", seconds=20)
        argv = [*within, sys.executable, "-c", scrape]
        wanted = 'carpscope_findings_open{code="CS101"'

        def is_scraped() -> bool:
            done = subprocess.run(argv, capture_output=True, text=True, check=True)
            return wanted in done.stdout

        until(is_scraped, 10, wanted)
        sender.kill()
        sender.wait()
        assert watcher.end() == 130
    assert not [line for line in watcher.errors if "Traceback" in line]
    assert list((folder / "evidence").glob("CS101*"))
    assert late.read_text() == ""


def test_the_dashboard_from_such_a_folder_needs_nothing_late(folder: Path) -> None:
    start = hidden(folder)
    late, site, screen = folder / "late", folder / "site", folder / "screen"
    late.touch()
    site.mkdir()
    (site / "sitecustomize.py").write_text(LATE)
    start[1] += f":{site}"
    with wire() as (within, tx, _):
        argv = [*within, *start, f"LATE={late}", "script", "-qec",
                f"{sys.executable} -m carpscope live -i span0 --for 9s", str(screen)]  # fmt: skip
        run = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        sender = send(within, tx, "ucarp-different-addresses", speed=1)
        assert run.wait(60) == 1
        sender.kill()
        sender.wait()
    assert "both been MASTER" in screen.read_text(errors="replace")
    assert late.read_text() == ""


@pytest.mark.parametrize("what", ["protocol/profiles", "report/sinks"])
def test_an_empty_catalogue_ends_the_run_before_it_starts(folder: Path, what: str) -> None:
    start = hidden(folder)
    for path in (folder / "home" / "carpscope" / what).glob("*.py"):
        if path.name != "__init__.py":
            path.unlink()
    with wire() as (within, _, _):
        argv = [*within, *start, sys.executable, "-m", "carpscope", "live", "-i", "span0"]
        argv += ["--for", "5s", "--nagios"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stdout.startswith("CARP UNKNOWN - ")
    assert "is there, or it cannot be read" in done.stdout
    assert done.stderr == ""


def test_root_writes_through_no_link_of_another(folder: Path) -> None:
    """As `--out json=` did: a link of nobody's to a file of root's."""
    secret, logs = folder / "rootfile", folder / "logs"
    secret.write_text("root only\n")
    secret.chmod(0o600)
    logs.mkdir()
    shutil.chown(logs, "nobody")
    subprocess.run(
        ["setpriv", "--reuid", "nobody", "--clear-groups", "ln", "-s", secret, logs / "link"],
        check=True,
    )
    with wire() as (within, _, _):
        for user in ("nobody", "root"):
            for option in (["--out", f"json={logs}/link"], ["-w", f"{logs}/link"]):
                words = ["live", "-i", "span0", "-q", "--for", "1s", "--user", user, *option]
                argv = [*within, sys.executable, "-m", "carpscope", *words]
                done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
                assert done.returncode == 2, (user, option)
                assert "is a link; name the file that it leads to" in done.stderr
    assert secret.read_text() == "root only\n"
    assert (logs / "link").is_symlink()


@needs_namespaces
@pytest.mark.parametrize("option", ["-w", "--state", "--out"])
def test_what_is_denied_names_who_asked_and_the_option(option: str, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    target = f"{'json=' if option == '--out' else ''}{closed / 'x'}"
    with (CAPTURES / "ucarp-healthy" / "capture.pcap").open("rb") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "carpscope", "live", "-q", option, target, "-"],
            stdin=stream, capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith(
        "Permission denied to nobody, who carpscope became after opening; --user NAME is another\n"
    )
