"""Files read on a Dask cluster, whose workers see them under the same paths.

A worker sends back what it extracted, and this process puts it where its own would lie, so
the rest of a run does not know who has read a file. What a worker that dies had in its hands
the scheduler gives to another. A file whose frames are too many for one message is done here.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import distributed
from distributed.client import Future, FutureCancelledError, as_completed
from distributed.scheduler import KilledWorker

import carpscope
from carpscope.archive import cache
from carpscope.archive.extract import extract
from carpscope.archive.pool import Told, batches, do_here
from carpscope.archive.recording import Recording
from carpscope.archive.rows import pack, unpack
from carpscope.archive.work import Done, Job, Places, keep
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame

MESSAGE_BYTES = 64 << 20
"""Of one batch; a file that does not fit any more is done by the process that asked."""
PATIENCE = "10s"
"""To reach a scheduler."""
_AHEAD = 3
"""Batches for each thread of the cluster that are asked for at once."""


class Sent(NamedTuple):
    """What a worker made of a file."""

    recording: Recording | None
    frames: tuple[bytes, ...] = ()
    """Pieces as `archive.rows` packs them."""
    problem: str | None = None
    is_too_large: bool = False


class _TooLargeError(Exception):
    """There are more frames than one message should hold."""


def read(paths: list[str], room: int = MESSAGE_BYTES) -> list[Sent]:
    """Extract files; this is what runs on a worker."""
    sent = []
    for path in paths:
        pieces: list[bytes] = []

        def put(frames: list[Frame], pieces: list[bytes] = pieces, room: int = room) -> None:
            pieces.append(pack(frames))
            if sum(map(len, pieces)) > room:
                raise _TooLargeError

        try:
            sent.append(Sent(extract(path, put), tuple(pieces)))
            room -= sum(map(len, pieces))
        except _TooLargeError:
            sent.append(Sent(None, is_too_large=True))
        except CarpscopeError as problem:
            sent.append(Sent(None, problem=str(problem)))
    return sent


def version() -> tuple[str, int]:
    """Return what has to be the same on every worker."""
    return carpscope.__version__, cache.FORMAT


def do_on_cluster(jobs: Sequence[Job], places: Places, address: str, told: Told) -> Iterator[Done]:
    """Do all files on the workers of a scheduler, in whichever order they are ready."""
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        told_by = str(error).partition("\n")[0] or type(error).__name__
        raise CarpscopeError(f"scheduler {address}: cannot be reached: {told_by}") from None
    with client:
        threads = _threads(client, address)
        waiting = batches(jobs)[::-1]
        held: dict[str, list[Job]] = {}
        running = as_completed(loop=client.loop)
        finished = 0
        while waiting or held:
            while waiting and len(held) < threads * _AHEAD:
                batch = waiting.pop()
                future = client.submit(read, [job.path for job in batch], pure=False)
                held[future.key] = batch
                running.add(future)
            future = next(running)
            batch = held.pop(future.key)
            for job, sent in zip(batch, _result(future, batch, address), strict=True):
                yield _stored(job, sent, places)
                finished += job.size
                told(finished)
            future.release()


def _threads(client: distributed.Client, address: str) -> int:
    """Return how much the workers do at once, when they are the same program as this."""
    try:
        versions = set(client.run(version).values())
        threads: int = sum(client.nthreads().values())
    except (OSError, ImportError, AttributeError) as error:
        problem = str(error).partition("\n")[0]
        raise CarpscopeError(
            f"scheduler {address}: a worker cannot run carpscope: {problem}"
        ) from None
    if not threads:
        raise CarpscopeError(f"scheduler {address}: has no workers")
    if versions != {version()}:
        others = ", ".join(sorted(one for one, _ in versions))
        raise CarpscopeError(
            f"scheduler {address}: workers run carpscope {others}, this is {carpscope.__version__}"
        )
    return threads


def _result(future: Future, batch: list[Job], address: str) -> list[Sent]:
    """Wait for a batch; one that worker after worker dies of is done here."""
    try:
        found: list[Sent] = future.result()
    except KilledWorker:
        return [Sent(None, is_too_large=True) for _ in batch]
    except (OSError, ImportError, AttributeError, FutureCancelledError) as error:
        problem = str(error).partition("\n")[0] or type(error).__name__
        raise CarpscopeError(f"scheduler {address}: lost: {problem}") from None
    return found


def _stored(job: Job, sent: Sent, places: Places) -> Done:
    """Put what a worker sent where a process of this machine would have put it."""
    if sent.is_too_large:
        (done,) = do_here([job], places, lambda _: None)
        return done
    if sent.recording is None:
        return Done(job, None, sent.problem)
    keeper = keep(places, job.size)
    try:
        for piece in sent.frames:
            keeper.put(unpack(piece))
        return Done(job, keeper.finish(sent.recording))
    except BaseException:
        keeper.close()
        raise
