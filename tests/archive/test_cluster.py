"""Files read by the workers of a Dask cluster, one of which is killed in the middle."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from carpscope.archive.reading import FolderOptions
from tests.archive.maker import frames_of, quiet, rotated, steady
from tests.program import ROOT, run, start

pytestmark = pytest.mark.slow

pytest.importorskip("distributed")

_TICK = threading.Event()
_ENVIRONMENT = {
    **os.environ,
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "null",
}


class Cluster:
    """A scheduler and its workers, processes of their own each."""

    def __init__(self, folder: Path, workers: int, tls: Sequence[str]) -> None:
        """Start all of them and wait until they know each other."""
        self._folder = folder
        self.tls = tls
        """Options of Dask's programs and of ours."""
        file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self._start(
            "scheduler", "--port", "0", "--host", "tls://127.0.0.1" if tls else "127.0.0.1",
            "--no-dashboard", "--scheduler-file", str(file),
        )  # fmt: skip
        while not file.exists() or not file.read_text().endswith("}"):
            self._check()  # it is made before it is written
        self.address: str = json.loads(file.read_text())["address"]
        for _ in range(workers):
            self._start(
                "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                "--local-directory", str(folder),
            )  # fmt: skip
        log = folder / "0.log"
        while log.read_text().count("Register worker") < workers:
            self._check()

    def _start(self, program: str, *arguments: str) -> None:
        words = [sys.executable, "-m", f"distributed.cli.dask_{program}", *arguments, *self.tls]
        with (self._folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=ROOT, env=_ENVIRONMENT)
        self.processes.append(process)

    def _check(self) -> None:
        assert self.processes[0].poll() is None, (self._folder / "0.log").read_text()
        _TICK.wait(0.05)

    def close(self) -> None:
        """End all of them: nothing of theirs is worth an orderly way out."""
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def cluster(folder: Path, workers: int, tls: Sequence[str] = ()) -> Iterator[Cluster]:
    """Run a cluster for a test."""
    folder.mkdir(exist_ok=True)
    running = Cluster(folder, workers, tls)
    try:
        yield running
    finally:
        running.close()


def certificates(folder: Path) -> list[str]:
    """Write what a cluster and who uses it show to each other; give the options that name it."""
    from distributed import Security

    folder.mkdir()
    made = Security.temporary()
    options = []
    for name, text in (
        ("ca-file", made.tls_ca_file), ("cert", made.tls_client_cert),
        ("key", made.tls_client_key),
    ):  # fmt: skip
        path = folder / name
        path.write_text(text)
        options += [f"--tls-{name}", str(path)]
    return options


def test_a_cluster_finds_the_same_also_when_a_worker_is_killed(tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(960), 640, overlap=1)
    (folder / "noise.pcap").write_bytes(bytes(range(256)))
    expected = start("analyze", "--json", str(folder))
    alone, _ = frames_of(folder, FolderOptions(1), quiet)
    with cluster(tmp_path / "cluster", 2) as dask:
        whole = start("analyze", "--json", str(folder), "--scheduler", dask.address)

        def told(done: int, total: int) -> None:
            assert 0 < done < total or dask.processes[-1].poll() is not None
            dask.processes[-1].kill()

        found, folder_found = frames_of(folder, FolderOptions(scheduler=dask.address), told)
        assert dask.processes[-1].wait() == -signal.SIGKILL
    assert found == alone
    assert (whole.status, whole.out) == (expected.status, expected.out)
    assert folder_found.damaged == (
        (
            f"{folder}/noise.pcap: not a capture (starts with bytes 00 01 02 03 04 05 06 07; if "
            "Wireshark opens it: editcap -F pcap FILE FILE.pcap)"
        ),
    )
    assert whole.err == (
        f"carpscope: scheduler {dask.address}: no TLS, so whoever is on the path to it or to its "
        "workers can run code on all of them and here (--tls-ca-file, --tls-cert, --tls-key)\n"
    )


def test_a_cluster_with_tls_takes_who_shows_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carpscope.archive.workers.PATIENCE", "2s")
    folder = rotated(tmp_path / "archive", steady(60), 20)
    tls = certificates(tmp_path / "cluster")
    with cluster(tmp_path / "cluster", 2, tls) as dask:
        words = ("analyze", "--json", str(folder), "--scheduler", dask.address)
        secure, bare = start(*words, *tls), run(*words)
        forced = run(*words[:-1], dask.address.replace("tls://", "tcp://"), *tls)
    assert (secure.status, secure.err) == (0, "")
    assert secure.out == start("analyze", "--json", str(folder)).out
    assert bare.status == forced.status == 2
    assert bare.err.startswith(f"carpscope: scheduler {dask.address}: cannot be reached: ")
    assert "cannot be reached: encryption required" in forced.err


def test_no_scheduler_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carpscope.archive.workers.PATIENCE", "1s")
    folder = rotated(tmp_path / "archive", steady(20), 2)
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "tcp://127.0.0.1"):
        result = run("analyze", str(folder), "--scheduler", address)
        assert result.status == 2
        assert result.err.startswith(f"carpscope: scheduler {address}: cannot be reached")
        assert result.err.count("\n") == 1, result.err


def test_without_the_library_it_is_one_line(tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(20), 2)
    code = (
        "import sys\nsys.modules['distributed'] = None\n"
        "from carpscope.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    for words, status in ((("--scheduler", "x"), 2), ((), 0)):
        done = start("analyze", "-q", str(folder), *words, prefix=(sys.executable, "-c", code))
        told = "carpscope: --scheduler needs Dask: pip install 'carpscope[dask]'\n"
        assert (done.status, done.err) == (status, told if status else "")
