"""Who extracts the files of a folder: processes of this machine, or a Dask cluster."""

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from multiprocessing.connection import wait as wait_for
from typing import Any, NamedTuple

import carpscope
from carpscope.core.errors import CarpscopeError

PATIENCE = "10s"
"""To reach a scheduler."""


class Workers(NamedTuple):
    """An executor, and what there is to know of it."""

    executor: Executor
    at_once: int
    """How many calls it does at the same time."""
    died: type[Exception]
    """What a result is whose worker has died of it."""


class Tls(NamedTuple):
    """The certificates of a cluster, as Dask's own programs name them; None for Dask's settings."""

    ca_file: str | None = None
    cert: str | None = None
    key: str | None = None


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def processes(count: int) -> Iterator[Workers]:
    """Start so many processes, and end them: at once where this process is interrupted."""
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _began)
    try:
        yield Workers(pool, count, BrokenExecutor)
    except BaseException:
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait, and what is started here inherit that.

    A process that is interrupted while it starts prints a traceback of its own.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _began() -> None:
    """Prepare a process: Ctrl-C is its parent's, and it does not outlive that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)


@contextlib.contextmanager
def cluster(address: str, tls: Tls, warn: Callable[[str], None]) -> Iterator[Workers]:
    """Use the workers of a Dask scheduler, which see the files under the same paths.

    What a worker that dies had in its hands the scheduler gives to another.
    """
    try:
        import distributed  # noqa: PLC0415  an optional library
    except ImportError:
        raise CarpscopeError("--scheduler needs Dask: pip install 'carpscope[dask]'") from None
    given = {"tls_ca_file": tls.ca_file, "tls_client_cert": tls.cert, "tls_client_key": tls.key}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        security = distributed.Security(require_encryption=True, **given) if given else None
        # A client that found no scheduler, freed while the next one starts, waits for that one's
        # lock for ever (distributed.utils.LoopRunner): it is freed before.
        gc.collect()
        client = distributed.Client(
            address, timeout=PATIENCE, set_as_default=False, security=security
        )
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        told = str(error).partition("\n")[0] or type(error).__name__
        raise CarpscopeError(f"scheduler {address}: cannot be reached: {told}") from None
    with client:
        scheduler: Any = client.scheduler
        if not scheduler.address.startswith("tls://"):
            warn(
                f"scheduler {address}: no TLS, so whoever is on the path to it or to its workers "
                "can run code on all of them and here (--tls-ca-file, --tls-cert, --tls-key)"
            )
        threads = _threads(client, address)
        yield Workers(client.get_executor(pure=False), threads, distributed.KilledWorker)


def version() -> str:
    """Return what has to be the same on every worker."""
    return carpscope.__version__


def _threads(client: object, address: str) -> int:
    """Return how much the workers do at once, when they are the same program as this."""
    try:
        answers = client.run(version, on_error="return").values()  # type: ignore[attr-defined]  # a Client
        threads: int = sum(client.nthreads().values())  # type: ignore[attr-defined]
    except OSError as error:
        raise CarpscopeError(f"scheduler {address}: lost: {error}") from None
    for problem in answers:
        if isinstance(problem, Exception) and not isinstance(problem, OSError):
            # an OSError is of one that has just died
            told = str(problem).partition("\n")[0]
            raise CarpscopeError(f"scheduler {address}: a worker cannot run carpscope: {told}")
    versions = {one for one in answers if isinstance(one, str)}
    if not threads or not versions:
        raise CarpscopeError(f"scheduler {address}: has no workers")
    if others := versions - {version()}:
        raise CarpscopeError(
            f"scheduler {address}: workers run carpscope {', '.join(sorted(others))}, "
            f"this is {version()}"
        )
    return threads
