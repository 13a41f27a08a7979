"""The page in a real browser: silent, self-contained, visible, operable, readable, printable."""

import itertools
import json
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plain import Tape
from tests.program import capture, run
from tests.report_forensic.browser import PROGRAM, Browser, browser
from tests.report_forensic.test_report import SECRET, hostile

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no chromium here: apt install chromium"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Path]]:
    """Make a report with trouble in it, and a browser."""
    base = tmp_path_factory.mktemp("page")
    run("report", capture("ucarp-one-way-link"), "-p", SECRET, "-a", "192.0.2.10",
        "-o", str(base / "r"))  # fmt: skip
    with browser(base / "profile") as window:
        yield window, base / "r" / "report.html"


@pytest.fixture
def opened(page: tuple[Browser, Path]) -> Browser:
    """Open the page anew."""
    window, path = page
    window.requests.clear()
    window.complaints.clear()
    window.resize(1280, 900)
    window.open(path)
    return window


def test_it_complains_of_nothing_and_fetches_nothing(opened: Browser) -> None:
    opened.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("file:")] == []
    assert len(opened.requests) == 1


def test_the_timeline_is_visible_and_drawn_to_scale(opened: Browser) -> None:
    box = opened.run(
        "(() => { const b = document.querySelector('svg.plot').getBoundingClientRect();"
        " return [b.width, b.height]; })()"
    )
    assert box[0] > 600
    assert box[1] > 60
    masters = opened.run(
        "[...document.querySelectorAll('rect.master')].map(r => r.getBoundingClientRect())"
        ".map(b => [b.left, b.right])"
    )
    assert len(masters) == 2
    (first_left, first_right), (second_left, second_right) = masters
    assert first_left < second_left < second_right < first_right
    assert opened.run("document.querySelectorAll('path.strokes').length") == 2
    assert opened.run("document.querySelectorAll('rect.band-critical').length") >= 1


def test_it_zooms_by_button_and_by_key(opened: Browser) -> None:
    def width() -> float:
        return float(opened.run("document.querySelector('svg.plot').viewBox.baseVal.width"))

    def axis() -> str:
        return str(opened.run("document.querySelector('svg.axis').textContent"))

    whole, before = width(), axis()
    opened.run("document.querySelector('[data-act=in]').click()")
    assert width() == whole / 2
    assert axis() != before
    opened.run("document.querySelector('.zoom').focus()")
    opened.press("+", "+")
    assert width() == whole / 4
    opened.press("0", "0")
    assert width() == whole
    assert axis() == before
    assert opened.complaints == []


def test_without_our_script_it_says_the_same(page: tuple[Browser, Path]) -> None:
    window, path = page
    window.call("Emulation.setScriptExecutionDisabled", value=True)
    window.open(path)
    texts = window.call("DOM.getDocument", depth=-1)
    window.call("Emulation.setScriptExecutionDisabled", value=False)
    assert "00:31:00" in str(texts)


WIDTHS = ((360, 800), (820, 1180), (1440, 900))


@pytest.mark.parametrize(("width", "height"), WIDTHS)
@pytest.mark.parametrize("dark", [False, True])
def test_at_every_width_nothing_runs_out_of_the_page(
    opened: Browser, width: int, height: int, dark: bool, tmp_path: Path
) -> None:
    opened.resize(width, height, dark=dark)
    assert opened.run("document.documentElement.scrollWidth") <= width
    background = opened.run("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(20, 23, 26)" if dark else "rgb(255, 255, 255)")
    picture = opened.screenshot()
    (tmp_path / f"{width}{'-dark' if dark else ''}.png").write_bytes(picture)
    assert struct.unpack(">II", picture[16:24]) == (width, height)
    assert len(picture) > 10_000  # something is on it


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_the_contrast_that_wcag_asks_for(opened: Browser, dark: bool) -> None:
    opened.resize(1280, 900, dark=dark)
    pairs = opened.run("""
      [...document.querySelectorAll('p, th, td, dt, dd, li, h1, h2, h3, h4, a, code, pre, caption,'
        + 'button, summary, figcaption, span, b')].filter(one => [...one.childNodes].some(
        n => n.nodeType === 3 && n.textContent.trim())).map(one => {
        let behind = one;
        while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') {
          behind = behind.parentElement;
        }
        const paper = behind ? getComputedStyle(behind).backgroundColor : 'rgb(255, 255, 255)';
        return getComputedStyle(one).color + '|' + paper;
      })""")
    for pair in set(pairs):
        ink, paper = (_luminance(colour) for colour in pair.split("|"))
        ratio = (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)
        assert ratio >= 4.5, (pair, round(ratio, 2))


_LOST_LINKS = (
    "[...document.querySelectorAll('a[href^=\"#\"]')].filter("
    "a => !document.getElementById(a.getAttribute('href').slice(1)))"
)
_LOST_LABELS = (
    "[...document.querySelectorAll('[aria-labelledby]')].filter(e => "
    "e.getAttribute('aria-labelledby').split(' ').some(i => !document.getElementById(i)))"
)


def test_screen_readers_find_their_way(opened: Browser) -> None:
    levels = opened.run("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert opened.run("document.documentElement.lang") == "en"
    assert opened.run("document.title") != ""
    for question in (
        "[...document.querySelectorAll('table')].filter(t => !t.caption || !t.tHead)",
        "[...document.querySelectorAll('th')].filter(t => !t.scope)",
        "[...document.querySelectorAll('svg.plot')].filter(s => !s.getAttribute('role'))",
        "[...document.querySelectorAll('button')].filter(b => !b.textContent.trim())",
        _LOST_LINKS,
        _LOST_LABELS,
    ):
        assert opened.run(f"{question}.map(e => e.outerHTML.slice(0, 80))") == [], question
    ids = opened.run("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    tree = opened.call("Accessibility.getFullAXTree")["nodes"]
    names = {node.get("name", {}).get("value", "") for node in tree}
    assert any("One row a node" in str(node.get("description", {})) for node in tree) or any(
        "Timeline of Vhid 1" in name for name in names
    )


def printed(window: Browser, room: Path) -> list[str]:
    """Print the page that is open; return the text of each sheet."""
    pdf = room / "report.pdf"
    pdf.write_bytes(window.pdf())
    text = subprocess.run(
        ["pdftotext", "-layout", str(pdf), "-"], capture_output=True, check=True
    ).stdout.decode()
    return text.removesuffix("\f").split("\f")


needs_poppler = pytest.mark.skipif(not shutil.which("pdftotext"), reason="no poppler-utils here")


@needs_poppler
def test_printed_trouble_of_half_a_minute_is_three_pages(opened: Browser, tmp_path: Path) -> None:
    sheets = printed(opened, tmp_path)
    assert len(sheets) <= 3
    text = "\n".join(sheets)
    for words in ("CS501", "CS101", "Reproduce and check", "SHA-256", "MASTER"):
        assert words in text
    for number, sheet in enumerate(sheets, 1):
        assert f"Page {number} of {len(sheets)}" in sheet
    assert "Not signed" in sheets[0]
    assert "0x0000:" not in text


@needs_poppler
def test_what_was_opened_is_printed_too(opened: Browser, tmp_path: Path) -> None:
    opened.run("document.getElementById('open-all').click()")
    text = "\n".join(printed(opened, tmp_path))
    for words in ("HMAC-SHA1", "0x0000:", "Who hears whom", "Look-alikes"):
        assert words in text


@pytest.fixture(scope="module")
def twenty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report two masters in twenty groups, signed, with a case number that is markup."""
    room = tmp_path_factory.mktemp("twenty")
    tape = Tape()
    for number in range(1, 21):
        vlan, vips = (100 + number,), (f"10.{number}.0.1",)
        tape.announce(0.1, f"00:00:5e:00:01:{number:02x}", vips[0], vlan)
        for beat in range(40):
            at = beat + number / 1000
            tape.advert(at, f"10.{number}.0.2", number, vlan=vlan, vips=vips)
            if beat >= 20:
                tape.advert(at + 0.4, f"10.{number}.0.3", number, 100, vlan=vlan, vips=vips)
    assert run("keygen", "--no-passphrase", str(room / "key.pem")).status == 0
    done = run("report", tape.write(room / "twenty.pcap"), "-o", str(room / "r"), "--sign",
               str(room / "key.pem"), "--case", CASE, "--timezone", "Europe/Berlin")  # fmt: skip
    assert done.status == 0, done.err
    return room / "r" / "report.html"


CASE = '17/2026 "} </style><b>'


@needs_poppler
def test_printed_twenty_groups_are_eight_pages(
    page: tuple[Browser, Path], twenty: Path, tmp_path: Path
) -> None:
    window, _ = page
    window.complaints.clear()
    window.open(twenty)
    sheets = printed(window, tmp_path)
    assert len(sheets) <= 8
    assert window.complaints == []
    for number, sheet in enumerate(sheets, 1):
        assert f"Page {number} of {len(sheets)}" in sheet
        assert f"case {CASE}" in sheet
    fingerprint = json.loads((twenty.parent / "manifest.json").read_text())["signing"]
    assert fingerprint["fingerprint"] in "".join(sheets[0].split())
    assert "20 addresses" in sheets[0]
    assert "+01:00" in sheets[0]


@pytest.mark.parametrize("width", [400, 1000])
def test_labels_of_times_stand_apart_and_tables_stay_on_the_page(
    page: tuple[Browser, Path], twenty: Path, width: int
) -> None:
    window, _ = page
    window.resize(width, 900)
    window.open(twenty)
    window.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    boxes = window.run(
        "[...document.querySelectorAll('svg.axis')].map(a => [a.getBoundingClientRect()].concat("
        "[...a.querySelectorAll('text')].map(t => t.getBoundingClientRect()))"
        ".map(b => [b.left, b.right]))"
    )
    assert boxes
    for (_, edge), *labels in boxes:
        assert len(labels) >= 2
        assert all(before < after for (_, before), (after, _) in itertools.pairwise(labels))
        assert labels[-1][1] <= edge + 1
    assert window.run("document.documentElement.scrollWidth") <= width
    if width == 1000:
        wide = "[...document.querySelectorAll('.scroll')].filter(s => s.scrollWidth > s.clientWidth"
        assert window.run(f"{wide} + 1).map(s => s.textContent.slice(0, 80))") == []
    heights = window.run(
        "[...document.querySelectorAll('.nb')].filter(s => /^([0-9a-f]{2}:){5}/.test(s.textContent)"
        ").map(s => s.getClientRects().length)"
    )
    assert heights
    assert set(heights) == {1}


def test_markup_in_names_notes_and_logs_changes_nothing(
    page: tuple[Browser, Path], tmp_path: Path
) -> None:
    window, _ = page
    hostile(tmp_path)
    window.requests.clear()
    window.complaints.clear()
    window.open(tmp_path / "r" / "report.html")
    assert window.complaints == []
    assert len(window.requests) == 1
    assert window.run("document.scripts.length") == 1
    assert window.run("document.querySelectorAll('img, iframe, object, embed, link').length") == 0
    assert window.run("document.querySelectorAll('[onload], [onerror], [style]').length") == 0
    assert "<script>alert(1)</script>" in window.run("document.querySelector('h1').textContent")


def test_a_script_that_slipped_in_would_not_run(page: tuple[Browser, Path], tmp_path: Path) -> None:
    """The policy and not the escaping is tried: markup is put into the file itself."""
    window, path = page
    text = path.read_text()
    bad = "<script>document.title = 'taken'</script><img src='http://127.0.0.1:9/x'>"
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(text.replace("<main>", f"<main>{bad}"))
    window.requests.clear()
    window.complaints.clear()
    window.open(spoilt)
    assert window.run("document.title") != "taken"
    wanted = [url for url in window.requests if url.startswith("http:")]
    assert wanted == window.blocked == ["http://127.0.0.1:9/x"]
    assert any("Content Security Policy" in told for told in window.complaints)
