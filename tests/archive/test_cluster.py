"""Files read by the workers of a Dask cluster, one of which is killed in the middle."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archive.maker import rotated, steady
from tests.program import COMMAND, ROOT, run, start

pytest.importorskip("distributed")

_TICK = threading.Event()
_ENVIRONMENT = {
    **os.environ,
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "null",
}


class Cluster:
    """A scheduler and its workers, processes of their own each."""

    def __init__(self, folder: Path, workers: int) -> None:
        """Start all of them and wait until they know each other."""
        self._folder = folder
        file = folder / "scheduler.json"
        self.processes = [
            self._started(
                "distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1",
                "--no-dashboard", "--scheduler-file", str(file),
            )
        ]  # fmt: skip
        while not file.exists():
            self._check()
        self.address: str = json.loads(file.read_text())["address"]
        self.workers = [
            self._started(
                "distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-nanny",
                "--no-dashboard", "--local-directory", str(folder),
            )
            for _ in range(workers)
        ]  # fmt: skip
        self.processes += self.workers
        import distributed

        with distributed.Client(self.address, set_as_default=False) as client:  # type: ignore[no-untyped-call, unused-ignore]
            client.wait_for_workers(workers, timeout=60)

    def _started(self, module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        number = len(list(self._folder.glob("*.log")))
        with (self._folder / f"{number}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdout=log, stderr=log, cwd=ROOT, env=_ENVIRONMENT,
            )  # fmt: skip

    def _check(self) -> None:
        assert self.processes[0].poll() is None, (self._folder / "0.log").read_text()
        _TICK.wait(0.05)

    def close(self) -> None:
        """End all of them: nothing of theirs is worth an orderly way out."""
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Run a cluster for a test."""
    folder.mkdir()
    running = Cluster(folder, workers)
    try:
        yield running
    finally:
        running.close()


def test_a_killed_worker_changes_nothing(tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(1_600), 640, overlap=1)
    (folder / "noise.pcap").write_bytes(bytes(range(256)))
    cache = tmp_path / "cache"
    expected = start("analyze", "--json", str(folder), "--no-cache")
    with cluster(tmp_path / "cluster", 3) as dask:
        process = subprocess.Popen(
            [
                *COMMAND, "analyze", "--json", str(folder), "--cache", str(cache),
                "--scheduler", dask.address,
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip
        while process.poll() is None and not list(cache.glob("1/??/*.parquet")):
            _TICK.wait(0.01)
        # stopped first: while it holds files, the run cannot come to its end before the kill
        victim = dask.workers[1]
        victim.send_signal(signal.SIGSTOP)
        done = len(list(cache.glob("1/??/*.parquet")))
        assert process.poll() is None, process.communicate()
        assert 0 < done < 640
        victim.kill()
        victim.wait()
        out, err = process.communicate(timeout=120)
        assert process.returncode == expected.status == 0, err
        assert out == expected.out
        assert len(list(cache.glob("1/??/*.parquet"))) == 640
        assert json.loads(out)["folder"]["not_read"] == [
            f"{folder}/noise.pcap: not a capture (starts with bytes 00 01 02 03 04 05 06 07)"
        ]
        # what was sent by workers serves a run without them, and without the captures' bytes
        again = start("analyze", "--json", str(folder), "--cache", str(cache))
        assert again.out == expected.out
        # and workers send the same with no cache to put it in
        plain = start("analyze", "--json", str(folder), "--no-cache", "--scheduler", dask.address)
        assert plain.out == expected.out


def test_files_that_only_this_machine_has_are_told(tmp_path: Path) -> None:
    folder = rotated(tmp_path / "archive", steady(20), 2)
    from carpscope.archive import cluster as subject
    from carpscope.archive.work import Done, Job

    job = Job(str(folder / "none.pcap"), 5)
    sent = subject.read([job.path])
    assert sent[0].problem == f"{job.path}: no such file"
    assert isinstance(job, Job)
    assert Done(job, None, sent[0].problem).recording is None


def test_a_file_with_too_much_for_a_message_is_left_to_who_asked(tmp_path: Path) -> None:
    from carpscope.archive import cluster as subject

    folder = rotated(tmp_path / "archive", steady(40), 2)
    paths = sorted(str(path) for path in folder.rglob("*.pcap"))
    small = subject.read(paths)
    assert [sent.is_too_large for sent in small] == [False, False]
    size = len(small[0].frames[0])
    assert [sent.is_too_large for sent in subject.read(paths, size)] == [False, True]


def test_no_scheduler_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carpscope.archive.cluster.PATIENCE", "1s")
    folder = rotated(tmp_path / "archive", steady(20), 2)
    arguments = ("analyze", str(folder), "--no-cache", "--scheduler")
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "tcp://127.0.0.1"):
        result = run(*arguments, address)
        assert result.status == 2
        assert result.err.startswith(f"carpscope: scheduler {address}: cannot be reached")
        assert result.err.count("\n") == 1, result.err
