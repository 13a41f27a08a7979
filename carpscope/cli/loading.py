"""Everything a live run can need, loaded before it becomes somebody else.

Who is left after privileges are dropped may not be able to read the folder that the program lies
in: a clone below a home of mode 0700. What is imported late, where it is first used, would fail
then, in the middle of a run. So every module of carpscope that a live run can reach is imported
here, and what libraries load at their first use is used once.
"""

from carpscope.core.registry import available

PACKAGES = ("auth", "capture", "core", "detect", "detect.rules", "live", "protocol",
            "protocol.profiles", "report", "report.sinks", "timeline", "wire")  # fmt: skip


def load() -> None:
    """Import and rehearse. Raises CarpscopeError or OSError where something cannot be read."""
    for package in PACKAGES:
        available(f"carpscope.{package}")
    _libraries()
    _catalogues()
    _rehearsal()


def _libraries() -> None:
    """Import what others import where they first use it."""
    import contextlib
    import encodings.idna
    import http.client
    import importlib
    import shutil
    import signal
    import ssl
    import subprocess
    import traceback

    import rich.live
    import rich.traceback

    for name in ("dpkt.pcapng", "rich.progress_bar", "select", "termios", "tty"):
        importlib.import_module(name)
    with contextlib.suppress(ModuleNotFoundError):  # pipes need none, and interfaces say so
        importlib.import_module("pcapy")
    del encodings, http, shutil, signal, ssl, subprocess, traceback, rich


def _catalogues() -> None:
    """Read every folder that is searched: an empty one ends the run here and not later."""
    from carpscope.capture.fileformat import formats
    from carpscope.detect.engine import rules
    from carpscope.protocol.profile import profiles
    from carpscope.report.sink_kind import sink_kinds
    from carpscope.wire.link import link_types
    from carpscope.wire.wrapping import tables

    rules()
    link_types()
    tables()
    formats()
    profiles()
    sink_kinds()


def _rehearsal() -> None:
    """Use once what loads tables of its own at its first use."""
    from io import BytesIO, StringIO

    from rich.console import Console, Group
    from rich.live import Live

    from carpscope.capture.writer import PcapngWriter
    from carpscope.core.units import rfc3339
    from carpscope.report.dashboard import picture
    from carpscope.report.snapshot import Snapshot

    PcapngWriter(BytesIO())
    now = Snapshot(0, 0, 0, (), (), (), ())
    console = Console(file=StringIO(), force_terminal=True, width=80, height=24)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        live.update(Group(*picture(now, 80, 24)), refresh=True)
    rfc3339(0)
