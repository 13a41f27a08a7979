"""Writing the folder: everything is made in memory first, and appears all at once.

A folder that exists is never written into: what is in it would have to be told apart
from the report by whoever checks it.
"""

import functools
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.report.forensic import exhibit, markdown, tables
from carpscope.report.forensic.manifest import NAME, SIGNATURE, STAMP, LogInput, manifest
from carpscope.report.forensic.page import page
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.story import clock_remarks
from carpscope.report.forensic.text import json_text
from carpscope.report.sign import public_of, sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def contents(
    request: Request,
    key: "Ed25519PrivateKey | None",
    authority: str | None = None,
    *,
    pdf: bool = False,
) -> dict[str, bytes]:
    """Make every file of a report, by name; an authority of RFC 3161 stamps the manifest."""
    signer = public_of(key) if key is not None else None
    captures = request.analysis.captures
    digests = {index: capture.sha256 for index, capture in enumerate(captures)}
    logs = [
        LogInput(view.name, view.sha256, view.size, view.lines, len(view.entries))
        for view in request.logs
    ]

    listed = functools.partial(
        manifest,
        captures=captures,
        logs=logs,
        created=request.created,
        case=request.case,
        options=request.options,
        command=request.command,
        clock=list(clock_remarks(request)),
        key=signer,
        authority=authority,
    )
    # pages show what went in; what came out can only be listed when it is there
    without = listed(outputs={})
    files = {
        "report.html": page(request, without, signer),
        "report.md": markdown.prose(request, without, signer),
        "findings.json": tables.findings_json(request),
        "events.jsonl": tables.events_jsonl(request),
        "nodes.csv": tables.nodes_csv(request),
        "findings.csv": tables.findings_csv(request),
        "evidence.pcapng": exhibit.pcapng(request.exhibits, request.names, digests),
    }
    if pdf:
        from carpscope.report.forensic.pdf import NAME as PDF  # noqa: PLC0415 - rarely asked for
        from carpscope.report.forensic.pdf import printed  # noqa: PLC0415

        files[PDF] = printed(files["report.html"], is_root=os.geteuid() == 0)
    text = (json_text(listed(outputs=files)) + "\n").encode()
    files[NAME] = text
    if key is not None:
        files[SIGNATURE] = sign(text, key).encode()
    if authority is not None:
        from carpscope.report.stamp import stamped  # noqa: PLC0415 - with the extra `timestamp`

        files[STAMP] = stamped(authority, text)
    return files


def prepare(folder: Path) -> None:
    """Refuse a folder that holds something, before anything takes long."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise CarpscopeError(f"-o {shown(str(folder))}: exists and is no folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise CarpscopeError(f"-o {shown(str(folder))}: is not empty; name a new folder")
    if not folder.parent.is_dir():
        raise CarpscopeError(f"-o {shown(str(folder))}: {shown(str(folder.parent))} does not exist")


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that is whole or not there at all. Raises CarpscopeError."""
    prepare(folder)
    try:
        _written(folder, files)
    except OSError as problem:
        raise CarpscopeError(f"-o {folder}: {problem.strerror}; nothing was written") from None


def _written(folder: Path, files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as made:
        inside = Path(made) / "report"
        inside.mkdir()
        for name, data in files.items():
            with (inside / name).open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        if folder.is_dir():
            folder.rmdir()
        inside.rename(folder)  # a link that lies there by now is not followed
