"""Files done in processes of this machine, and what happens when one of them dies."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for

from carpscope.archive.work import Done, Job, Places, do, do_all
from carpscope.core.errors import CarpscopeError

BATCH_FILES = 32
BATCH_BYTES = 32 << 20
"""A message between processes costs about what a small file does."""
FEW_BYTES = 8 << 20
FEW_FILES = 16
"""Less than starting processes takes."""
_AHEAD = 3
"""Batches in the hands of a process: it never waits, and few are lost when it dies."""
_DEATHS = 3

Told = Callable[[int], None]
"""Is called with the bytes of the files that are done."""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def batches(jobs: Sequence[Job]) -> list[list[Job]]:
    """Put small files together."""
    made: list[list[Job]] = []
    size = BATCH_BYTES
    for job in jobs:
        if size >= BATCH_BYTES or len(made[-1]) == BATCH_FILES:
            made.append([])
            size = 0
        made[-1].append(job)
        size += job.size
    return made


def do_here(jobs: Sequence[Job], places: Places, told: Told) -> Iterator[Done]:
    """Do all files in this process."""
    finished = 0
    for job in jobs:

        def hook(read: int, total: int | None, before: int = finished) -> None:
            del total
            told(before + read)

        yield do(job, places, hook)
        finished += job.size
        told(finished)


def do_in_processes(
    jobs: Sequence[Job], places: Places, workers: int, told: Told
) -> Iterator[Done]:
    """Do all files with so many processes, in whichever order they are ready.

    What a dead process had in its hands is given to others; one that dies again and again
    ends the run, since what kills it would be there next time too.
    """
    if workers == 1 or (len(jobs) <= FEW_FILES and sum(job.size for job in jobs) <= FEW_BYTES):
        yield from do_here(jobs, places, told)
        return
    waiting = batches(jobs)[::-1]
    finished = deaths = 0
    while waiting:
        pool = ProcessPoolExecutor(
            min(workers, len(waiting)), multiprocessing.get_context("spawn"), _began
        )
        running: dict[Future[list[Done]], list[Job]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers * _AHEAD:
                    batch = waiting.pop()
                    running[pool.submit(do_all, batch, places)] = batch
                ready, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    done = future.result()
                    finished += sum(job.size for job in running.pop(future))
                    told(finished)
                    yield from done
            pool.shutdown()
        except BrokenProcessPool:
            _end(pool)
            waiting += running.values()
            deaths += 1
            if deaths == _DEATHS:
                raise CarpscopeError(
                    "processes that read captures were killed again and again (no memory left?); "
                    "try fewer with --workers"
                ) from None
        except BaseException:
            _end(pool)
            raise


def _end(pool: ProcessPoolExecutor) -> None:
    """End it now: entries of the cache get their names when they are whole, and not before."""
    for child in multiprocessing.active_children():
        child.terminate()
    pool.shutdown(cancel_futures=True)


def _began() -> None:
    """Prepare a process: Ctrl-C is its parent's, and it does not outlive that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)
