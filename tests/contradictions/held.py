"""Every output of one capture, held to each other and to itself."""

import json
from collections.abc import Sequence
from pathlib import Path

from carpscope.config import Config
from carpscope.core.address import ip_text
from tests.contradictions import account, inside, outputs
from tests.contradictions.statements import differences
from tests.contradictions.watched import watched
from tests.program import run


def contradictions(path: Path, config: Config, room: Path) -> list[str]:
    """Return where the outputs for a capture contradict each other."""
    words = [word for key in config.passphrases for word in ("-p", key.decode())]
    words += [word for address in config.addresses for word in ("-a", ip_text(address))]
    document = json.loads(run("analyze", "--json", *words, str(path)).out)
    folder = room / "report"
    done = run("report", "-q", *words, "-o", str(folder), str(path))
    if done.status:
        return [f"report: {done.err.strip()}"]
    reported = json.loads((folder / "findings.json").read_text())
    screen = run("analyze", "-V", *words, str(path)).out
    live, _ = watched(path, config, room)
    said = [
        outputs.of_document(document),
        outputs.of_document(reported, "report"),
        outputs.of_tables(folder),
        outputs.of_page(folder, document),
        outputs.of_screen(screen, document),
        live,
    ]
    found = inside.contradictions(document) + account.contradictions(document, said[3].account)
    for other in said[1:]:
        found += differences(said[0], other)
    return found


def lines(found: Sequence[str], name: str) -> list[str]:
    """Give each contradiction with the capture that it is in."""
    return [f"{name}: {text}" for text in found]
