"""Pipes in the place of interfaces: what they give, what becomes of them, what several prove."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from captures.record.lan import run as system
from carpscope.capture import targets
from carpscope.capture.interface import CaptureSettings
from carpscope.capture.live import LiveCapture
from carpscope.capture.pipe import Pipe
from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.live.loop import Live
from carpscope.live.options import Options
from tests.live.stage import Event, Watcher, needs_namespaces, needs_ucarp, node, scene, until
from tests.program import CAPTURES, ROOT, capture, run, start
from tests.wire import samples

pytestmark = pytest.mark.slow

PARTITION = Path(__file__).parents[1] / "data" / "vantage" / "partition"
HEALTHY = CAPTURES / "ucarp-healthy" / "capture.pcap"
SPLIT = CAPTURES / "ucarp-partition-heal" / "capture.pcap"


@pytest.mark.parametrize(
    "text",
    [
        "ssh://-oProxyCommand=touch$IFS/tmp/x/em0",
        "ssh://fw1/-w",
        "ssh://fw1/em0;reboot",
        "ssh://fw1/em0 -w /etc/passwd",
        "ssh://fw1/$(id)",
        "ssh://root@-fw1/em0",
        "ssh://-l@fw1/em0",
        "ssh://fw1:99999/em0",
        "ssh://fw1:x/em0",
        "ssh://fw1",
        "ssh://fw1/",
        "rpcap://fw1/em0'",
        "rpcap://-x/em0",
        "fw1=",
        "=path",
        "path",
        "a b=path",
        "fw1=!",
        "fw1=!sh -c 'x",
    ],
)
def test_what_is_no_host_interface_or_command_is_refused(text: str) -> None:
    with pytest.raises(CarpscopeError):
        targets.read(text)


def test_ssh_gets_the_host_behind_its_options_and_one_quoted_command() -> None:
    words = targets.read("ssh://root@fw-1.example:2222/em0.10", "host 192.0.2.1 & vlan").command
    assert words[0] == "ssh"
    assert words[-3:-1] == ("--", "fw-1.example")
    assert words[words.index("-l") + 1] == "root"
    assert words[words.index("-p") + 1] == "2222"
    said = subprocess.run(
        ["sh", "-c", f"set -- {words[-1]}; printf '%s\\n' \"$@\""],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert said[:6] == ["tcpdump", "-nU", "-i", "em0.10", "-w", "-"]
    assert len(said) == 7
    assert said[6].startswith("(host 192.0.2.1 & vlan) and (")


def test_ipv6_hosts_and_names_of_segments() -> None:
    assert targets.read("ssh://[2001:db8::1]/em0").command[-2] == "2001:db8::1"
    named = targets.read("lan/fw1=/run/fw1")
    assert (named.segment, named.name, named.path) == ("lan", "fw1", "/run/fw1")


def test_two_interfaces_of_one_host_are_two_segments() -> None:
    four = [targets.read(f"ssh://{h}/{i}") for h in ("fw1", "fw2") for i in ("em0", "em1")]
    assert targets.segments(four) == ["em0", "em1", "em0", "em1"]
    assert targets.segments([four[0], targets.read("ssh://fw2/igb0")]) == ["", ""]


def written(frames: list[Frame], ahead: int = 0) -> bytes:
    """Give frames as a capture of somebody whose clock is so far ahead."""
    data = struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, frames[0].link)
    for frame in frames:
        seconds, rest = divmod(frame.at + ahead, 1_000_000_000)
        data += struct.pack("<IIII", seconds, rest, len(frame.data), frame.wire_length) + frame.data
    return data


class Watched:
    """A live run over pipes, in this process: one thread writes, the loop is ours."""

    def __init__(self, folder: Path, *feeds: bytes) -> None:
        pipes = []
        for number, _ in enumerate(feeds):
            path = folder / f"fw{number + 1}"
            os.mkfifo(path)
            target = targets.Target(f"fw{number + 1}", path=str(path))
            pipes.append(Pipe(target.name, number, target, place=number))
        self.pipes, self.feeds = pipes, feeds
        capture = LiveCapture((), CaptureSettings(), pipes=pipes)
        capture.start()
        self.live = Live(capture, Config(), Options(length=30_000_000_000))
        self.writers = [os.open(pipe.target.path, os.O_WRONLY) for pipe in pipes]

    def run(self) -> None:
        """Write everything, and watch until all of it was seen."""
        for number, feed in zip(self.writers, self.feeds, strict=True):
            os.write(number, feed)
        monitor = self.live.monitors[0]
        wanted = [feed_frames(feed) for feed in self.feeds]

        def ends() -> None:
            until(lambda: [p.frames for p in self.pipes] == wanted, 20, "all frames")
            until(lambda: len(monitor.live_findings.known) > 1, 10, "findings")
            self.live.requests.add("stop")

        thread = threading.Thread(target=ends)
        thread.start()
        self.live.run()
        thread.join()
        for number in self.writers:
            os.close(number)

    @property
    def found(self) -> dict[str, str]:
        known = self.live.monitors[0].live_findings.known.values()
        return {one.finding.label: one.finding.explanation for one in known}


def feed_frames(data: bytes) -> int:
    count, here = 0, 24
    while here < len(data):
        here += 16 + struct.unpack_from("<I", data, here + 8)[0]
        count += 1
    return count


@pytest.mark.parametrize("ahead", [0, 3_000_000_000, -3_600_000_000_000])
def test_two_pipes_prove_a_partition_whatever_their_clocks(tmp_path: Path, ahead: int) -> None:
    alpha, beta = (list(open_capture(str(PARTITION / f"{n}.pcap"))) for n in ("alpha", "beta"))
    watched = Watched(tmp_path, written(alpha), written(beta, ahead))
    watched.run()
    assert watched.found.keys() >= {"split_brain", "partition"}
    assert watched.found["partition"].startswith("Proved by two captures")
    group = next(iter(watched.live.monitors[0].observer.groups.values()))
    assert {node.id for node in group.members} == {"192.0.2.1", "192.0.2.2"}


def test_one_filter_is_recommended_everywhere() -> None:
    """Whatever names tcpdump's whole filter names this one."""
    from carpscope.capture.filter import compile_filter
    from carpscope.core.recommended import RECOMMENDED

    compile_filter(RECOMMENDED)
    assert targets.read("ssh://fw1/em0").command[-1].endswith(shlex.quote(RECOMMENDED))
    for path in ("README.md", "docs/capturing.md", "docs/live.md"):
        text = (ROOT / path).read_text()
        assert RECOMMENDED in text
        for found in re.findall(r"proto 112 or[^'\n`|]*", text):
            assert found == RECOMMENDED, path
    for source in (ROOT / "carpscope").rglob("*.py"):
        for found in re.findall(r"'(proto 112 or arp[^']*)'", source.read_text()):
            assert found == RECOMMENDED, source


def test_standard_input_is_read_to_its_end() -> None:
    done = start("live", "--plain", "-", stdin=SPLIT.read_bytes())
    assert (
        "CS101 192.0.2.10 (vhid 1): 192.0.2.1 and 192.0.2.2 were both MASTER for 17.8 s" in done.out
    )
    assert done.status == 1
    healthy = start("live", "--plain", "-", stdin=HEALTHY.read_bytes())
    assert "192.0.2.1 is MASTER" in healthy.out
    assert healthy.status == 0, "as an analysis of the same"
    for more, status in (("--exit-zero", 0), ("--nagios", 3)):
        done = start("live", "--plain", "-", more, stdin=SPLIT.read_bytes())
        assert done.status == status
    nothing = start("live", "--plain", "-", stdin=HEALTHY.read_bytes()[:24])
    assert nothing.status == 2, "nothing was in it to judge"
    assert "unknown how things stand" in nothing.err


@pytest.mark.parametrize("kind", ["pcapng", "pcap"])
def test_pcapng_is_read_as_well(kind: str, tmp_path: Path) -> None:
    if shutil.which("editcap") is None:
        pytest.skip("needs editcap")
    path = tmp_path / "capture"
    subprocess.run(["editcap", "-F", kind, str(SPLIT), str(path)], check=True)
    assert "CS101" in start("live", "--plain", "-", stdin=path.read_bytes()).out


@pytest.fixture
def watcher() -> Iterator[list[Watcher]]:
    made: list[Watcher] = []
    yield made
    for one in made:
        one.kill()


def test_pipes_that_fail_are_told_and_others_go_on(tmp_path: Path, watcher: list[Watcher]) -> None:
    good = f"!sh -c 'cat {SPLIT}; sleep 300'"
    one = Watcher(
        [],
        "--pipe", "text=!sh -c 'echo no capture; echo why not >&2; sleep 300 & sleep 300'",
        "--pipe", f"good={good}",
        "--pipe", f"gone={tmp_path}/nothing",
        "--pipe", "cut=!head -c 200 " + str(HEALTHY),
        "--pipe", "none=!carpscope-has-no-such-command",
        "--pipe", "remote=rpcap://127.0.0.1/em0",
    )  # fmt: skip
    watcher.append(one)
    one.finding("split_brain")
    for words in ("cut ended", "gone cannot be opened", "none cannot be opened", "-i ssh://"):
        one.wait_for(10, words, partial(_tells, words))
    children = _children(one.process.pid)
    assert children
    assert one.end(signal.SIGINT) == 130
    until(lambda: not any(map(_runs, children)), 10, "what was started has ended")
    assert any("unknown how things stand: cut ended" in line for line in one.errors)


@contextlib.contextmanager
def writer(fifo: Path) -> Iterator[int]:
    """Write into a FIFO, once somebody reads it."""
    opened: list[int] = []

    def tried() -> bool:
        with contextlib.suppress(OSError):
            opened.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    until(tried, 10, "somebody reads it")
    os.set_blocking(opened[0], True)
    yield opened[0]
    os.close(opened[0])


def _tells(words: str, event: Event) -> bool:
    return words in str(event["message"])


def _children(pid: int) -> list[int]:
    told = subprocess.run(
        ["ps", "-eo", "pid,sid,ppid"], capture_output=True, text=True, check=True
    ).stdout
    rows = [list(map(int, line.split())) for line in told.splitlines()[1:]]
    sessions = {row[0] for row in rows if row[2] == pid}
    return [row[0] for row in rows if row[1] in sessions]


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_fifo_is_opened_again_and_a_file_may_grow(tmp_path: Path, watcher: list[Watcher]) -> None:
    fifo, grows = tmp_path / "fifo", tmp_path / "grows"
    os.mkfifo(fifo)
    grows.write_bytes(HEALTHY.read_bytes()[:1500])
    one = Watcher([], "--pipe", f"a/fifo={fifo}", "--pipe", f"b/grows={grows}")
    watcher.append(one)
    one.wait_for(
        10, "a master", lambda e: "is MASTER" in e["message"] and e["interface"] == "grows"
    )
    with writer(fifo) as end:
        os.write(end, HEALTHY.read_bytes())
    one.wait_for(10, "it ended", lambda e: "fifo ended" in e["message"])
    with writer(fifo) as end:
        os.write(end, SPLIT.read_bytes())
    with grows.open("ab") as file:
        file.write(HEALTHY.read_bytes()[1500:])
    _, told = one.finding("split_brain")
    assert told["interface"] == "fifo"


def test_a_pipe_that_hangs_is_told(tmp_path: Path, watcher: list[Watcher]) -> None:
    frames = list(open_capture(str(HEALTHY)))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    one = Watcher([], "--pipe", f"fw1={fifo}")
    watcher.append(one)
    with writer(fifo) as end:
        os.write(end, written(frames[:20]))
        _, told = one.wait_for(20, "it hangs", lambda e: "it hangs, or" in e["message"])
        assert told["event_type"] == "notice"
        assert not one.labels(), "that nothing comes from a pipe is no silence"


@needs_namespaces
@needs_ucarp
@pytest.mark.skipif(not Path("/usr/sbin/sshd").exists(), reason="needs sshd")
def test_two_firewalls_over_ssh(tmp_path: Path) -> None:
    hosts = node("alpha", 1), node("beta", 2, advskew=20)
    with scene(tmp_path, *hosts) as made, _desk(made.lan.within, tmp_path) as (within, path):
        made.start("alpha")
        made.start("beta")
        until(lambda: made.is_backup("beta"), 20, "beta is backup")
        one = Watcher(
            within, "-i", "ssh://root@10.99.1.2/eth0", "-i", "ssh://root@10.99.2.2/eth0",
            environment={"PATH": f"{path}:{os.environ['PATH']}"},
        )  # fmt: skip
        try:
            one.wait_for(20, "a master", lambda e: "192.0.2.1 is MASTER" in e["message"])
            made.lan.cut("alpha", "beta")
            made.lan.cut("beta", "alpha")
            one.finding("split_brain", seconds=20)
            one.wait_for(
                20, "a proof",
                lambda e: e["event_type"] == "finding"
                and e["finding"]["label"] == "partition"
                and e["finding"]["explanation"].startswith("Proved by two captures"),
            )  # fmt: skip
            children = _children(one.process.pid)
            assert one.end(signal.SIGINT) == 130
            until(lambda: not any(map(_runs, children)), 10, "ssh has ended")
        finally:
            one.kill()


@contextlib.contextmanager
def _desk(within: "object", folder: Path) -> Iterator[tuple[list[str], str]]:
    """A desk with a cable to each firewall, where sshd runs; the system's ssh with a key."""
    assert callable(within)
    desk = f"carpdesk-{os.getpid()}"
    ssh = folder / "ssh"
    ssh.mkdir(mode=0o700)
    for name in ("host", "user"):
        system("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(ssh / name))
    shutil.copy(ssh / "user.pub", ssh / "authorized")
    Path("/run/sshd").mkdir(exist_ok=True)
    (ssh / "sshd").write_text(
        f"HostKey {ssh}/host\nAuthorizedKeysFile {ssh}/authorized\nStrictModes no\nUsePAM no\n"
        "PidFile none\nPermitRootLogin prohibit-password\n"
    )
    (ssh / "config").write_text(
        f"IdentityFile {ssh}/user\nIdentitiesOnly yes\nStrictHostKeyChecking accept-new\n"
        f"UserKnownHostsFile {ssh}/known\n"
    )
    wrapper = ssh / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {ssh}/config "$@"\n')
    wrapper.chmod(0o755)
    system("ip", "netns", "add", desk)
    servers = []
    try:
        for number, host in enumerate(("alpha", "beta"), 1):
            space = within(host)[-1]
            system(
                "ip", "-n", desk, "link", "add", f"to{number}", "type", "veth",
                "peer", "name", "desk0", "netns", space,
            )  # fmt: skip
            for where, port, last in ((desk, f"to{number}", 1), (space, "desk0", 2)):
                system("ip", "-n", where, "addr", "add", f"10.99.{number}.{last}/24", "dev", port)
                system("ip", "-n", where, "link", "set", port, "up")
            servers.append(
                subprocess.Popen(
                    [*within(host), "/usr/sbin/sshd", "-D", "-e", "-f", str(ssh / "sshd")],
                    stderr=subprocess.DEVNULL,
                )
            )
        yield ["ip", "netns", "exec", desk], str(wrapper.parent)
    finally:
        for server in servers:
            server.kill()
            server.wait()
        subprocess.run(["ip", "netns", "del", desk], check=False)


def test_vrrp_in_the_place_of_carp_is_said_with_what_to_do(watcher: list[Watcher]) -> None:
    vrrp = f"!sh -c 'cat {CAPTURES}/vrrp-only/capture.pcap; sleep 300'"
    one = Watcher([], "--pipe", f"w={vrrp}")
    watcher.append(one)
    _, event = one.wait_for(10, "vrrp", lambda event: event["action"] == "vrrp")
    assert event["event_type"] == "notice"
    assert " of VRRP, the other protocol 112" in event["message"]
    assert "mirror the switch ports" in event["message"]


def test_that_what_is_heard_is_encrypted_is_said(tmp_path: Path, watcher: list[Watcher]) -> None:
    path = tmp_path / "esp.pcap"
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for _ in range(3):
            writer.write(samples.frame(samples.over_ipv4(bytes(40), protocol=50)))
    one = Watcher([], "--pipe", f"w=!sh -c 'cat {path}; sleep 300'")
    watcher.append(one)
    _, event = one.wait_for(10, "encrypted", lambda event: event["action"] == "encrypted")
    # however many of the three had come when it was said
    assert re.search(r"\d packets? (is|are) encrypted \(esp\)", event["message"])


def test_what_is_read_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "fw1.pcap"
    path.write_bytes(SPLIT.read_bytes())
    watched = ("live", "--for", "1s", "-q", "--pipe", f"w={path}")
    for more in (
        ("-w", str(path)),
        ("--state", str(path)),
        ("--out", f"json={path}"),
        ("--store", f"{path},30d"),
    ):
        done = run(*watched, *more)
        assert done.status == 2
        assert "is what is read; name another file" in done.err
    done = run("simulate", "--from", str(path), "-w", str(path))
    assert (done.status, "is the capture itself" in done.err) == (2, True)
    assert path.read_bytes() == SPLIT.read_bytes()


def test_two_outputs_have_two_files(tmp_path: Path) -> None:
    one = str(tmp_path / "one")
    done = run("live", "--pipe", "w=/dev/null", "-w", one, "--out", f"json={one}")
    assert done.status == 2
    assert f"--out json {one}: is the file of -w; name another" in done.err


def test_lines_are_not_added_to_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("call the provider\n")
    done = start("live", "--pipe", "w=/dev/null", "--out", f"json={path}")
    assert (done.status, "holds no lines of JSON" in done.err) == (2, True)
    assert path.read_text() == "call the provider\n"


@pytest.mark.parametrize("name", ["ucarp-flapping", "ucarp-equal-skew"])
def test_events_come_in_order_of_time_everywhere(name: str, tmp_path: Path) -> None:
    """Of one clock: what is said of a pipe has its frames' time, a notice has ours."""
    lines, store = tmp_path / "events.json", tmp_path / "events.sqlite"
    words = ("live", "--json", "-", "--user", "root", "--out", f"json={lines}", "--store")
    done = start(*words, str(store), stdin=Path(capture(name)).read_bytes())
    kept = run("history", "--json", str(store)).out
    assert done.out == lines.read_text()
    assert sorted(kept.splitlines()) == sorted(done.out.splitlines())
    for told in (done.out, kept):
        events = [json.loads(line) for line in told.splitlines()]
        assert len(events) > 5
        for clock in (True, False):
            at = [e["timestamp"] for e in events if (e["interface"] == "stdin") is clock]
            assert at == sorted(at)
