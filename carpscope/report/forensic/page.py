"""The page: one HTML file that fetches nothing and runs one script, which is ours.

Escaping is Jinja's and on for every value; before it, characters that nobody can see are
spelt out. The content security policy allows the one style and the one script by the
digest of their text, so markup that slipped through would still not run.
"""

import base64
import hashlib
import re
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

import carpscope
from carpscope.core.address import ip_text
from carpscope.core.text import shown
from carpscope.core.units import rfc3339, span_text
from carpscope.report.finding import frame_name
from carpscope.report.forensic import story
from carpscope.report.forensic.model import model
from carpscope.report.forensic.request import Request
from carpscope.report.forensic.views import Budget
from carpscope.report.line import Json
from carpscope.report.sign import PublicKey

SIZE_MAX = 2_000_000
"""A page larger than this opens slowly; it says what it left out instead."""
_HALVINGS = 8


def page(request: Request, listed: dict[str, Json], signer: PublicKey | None) -> bytes:
    """Render the page, as full as it may be."""
    budget = Budget()
    html = _rendered(request, budget, listed, signer)
    for _ in range(_HALVINGS):
        if len(html) < SIZE_MAX:
            break
        budget = budget.halved()
        html = _rendered(request, budget, listed, signer)
    return html


def _rendered(
    request: Request, budget: Budget, listed: dict[str, Json], signer: PublicKey | None
) -> bytes:
    style = _text("style.css") + _margins(request.case.number)
    script = _text("script.js")
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters["marked"] = _marked
    template = environment.from_string(_text("report.html.j2"))
    html = template.render(
        model=model(request, budget),
        case=request.case,
        created=rfc3339(request.created.at),
        created_by=CREATED_WORDS[request.created.said_by],
        period=period(request),
        command=request.command,
        version=carpscope.__version__,
        policy=Markup(policy(style, script)),  # noqa: S704  made of digests only
        style=Markup(style),  # noqa: S704  our own file
        script=Markup(script),  # noqa: S704  our own file
        zone=request.zone.name if request.zone is not None else "",
        vantage=request.analysis.vantage,
        clock_remarks=list(story.clock_remarks(request)),
        losses=losses(request),
        logs=request.logs,
        log_rows=[log_rows(request, index, budget.logs) for index in range(len(request.logs))],
        inputs=inputs(listed),
        versions=versions(listed),
        signer=signer.fingerprint if signer is not None else None,
    )
    return html.encode()


CREATED_WORDS = {
    "option": "as said with --created",
    "SOURCE_DATE_EPOCH": "as said by SOURCE_DATE_EPOCH",
    "clock": "by the clock of the machine that made it",
}


def period(request: Request) -> str:
    """Say from when to when the evidence is, which is not when the report was made."""
    axis = request.axis
    return f"The captures are from {rfc3339(axis.first)} to {rfc3339(axis.last)}."


def policy(style: str, script: str) -> str:
    """Return the content security policy of a page with this style and this script."""
    return (
        "default-src 'none'; "
        f"style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(name: str) -> str:
    return files("carpscope.report.forensic").joinpath("templates", name).read_text("utf-8")


def _visible(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else shown(value)


_MAC = re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-f:])")


def _marked(text: str) -> Markup:
    """Give text in which no line ends within a MAC."""
    return Markup(_MAC.sub(r'<span class="nb">\g<0></span>', str(escape(shown(text)))))  # noqa: S704


def _margins(case: str) -> str:
    """Give what stands on every printed page: the case, and which page of how many it is."""
    named = f"CARP forensic report{f', case {shown(case)}' if case else ''}"
    # every character as its number: nothing in it can end the string, or the style
    text = "".join(f"\\{ord(sign):06x}" for sign in named)
    return (
        f'@page {{ @bottom-left {{ content: "{text}"; font-size: 8pt; color: #444; }} '
        '@bottom-right { content: "Page " counter(page) " of " counter(pages); font-size: 8pt; '
        "color: #444; } }\n"
    )


def losses(request: Request) -> list[tuple[str, ...]]:
    """Give what one capture has and another one has not, as rows."""
    vantage, names = request.analysis.vantage, request.names
    if vantage is None:
        return []
    return [
        (
            f"{ip_text(loss.sender.source)} (vhid {loss.sender.vhid})",
            names[loss.seen],
            names[loss.missing],
            story.stamp(loss.start),
            f"{story.stamp(loss.end)} ({span_text(loss.end - loss.start)})",
            str(loss.count),
            str(loss.meanwhile),
            ", ".join(str(frame_name(ref, names)) for ref in loss.frames),
        )
        for loss in vantage.losses[:200]
    ]


def log_rows(request: Request, index: int, limit: int) -> list[tuple[str, ...]]:
    """Give the lines of one log as rows."""
    return [
        (
            str(placed.entry.line),
            "no time" if placed.at is None else story.stamp(placed.at),
            placed.entry.text[:500],
            placed.verdict,
            placed.because,
        )
        for placed in request.logs[index].entries[:limit]
    ]


def inputs(listed: dict[str, Json]) -> list[tuple[str, str, str, str]]:
    """Give the files of a manifest as rows."""
    found = listed["inputs"]
    assert isinstance(found, list)
    rows = []
    for entry in found:
        assert isinstance(entry, dict)
        if entry["role"] == "capture":
            links = entry["link_types"]
            assert isinstance(links, list)
            notes = entry["notes"]
            assert isinstance(notes, list)
            packed = f", {entry['compression']}" if entry["compression"] else ""
            what = (
                f"{entry['format']}{packed}, {entry['packets']:,} packets, "
                f"{', '.join(map(str, links))}, {entry['time_resolution']}, "
                f"{entry['first'] or 'nothing'} to {entry['last'] or 'nothing'}"
            )
            what += "".join(f"; {note}" for note in notes)
        else:
            what = f"log, {entry['lines']:,} lines, {entry['lines_placed']:,} of CARP"
        rows.append((str(entry["name"]), f"{entry['bytes']:,}", str(entry["sha256"]), what))
    return rows


def versions(listed: dict[str, Json]) -> list[tuple[str, str]]:
    """Give the versions of a manifest as rows."""
    environment = listed["environment"]
    assert isinstance(environment, dict)
    packages = environment["packages"]
    assert isinstance(packages, dict)
    rows = [("carpscope", carpscope.__version__), ("Python", str(environment["python"]))]
    return rows + [(name, str(version)) for name, version in packages.items()]
