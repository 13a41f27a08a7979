"""Stamps of RFC 3161, by an authority that runs here: openssl ts."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program import capture, run
from tests.report_forensic.authority import founded, reply, serving

EVIDENCE = capture("ucarp-one-way-link")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a stamped report, and the roots of two authorities."""
    base = tmp_path_factory.mktemp("stamped")
    founded(base / "first", "First Authority")
    founded(base / "second", "Second Authority")
    with serving(base / "first") as url:
        done = run("report", EVIDENCE, "-o", str(base / "case"), "--timestamp", f"{url}/")
    assert (done.status, done.err) == (0, "")
    return base


@pytest.fixture
def case(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "case", tmp_path / "case")
    return tmp_path / "case"


@pytest.fixture
def url(made: Path) -> Iterator[str]:
    with serving(made / "first") as address:
        yield address


def told(case: Path, *more: str) -> tuple[int, str, str]:
    """Verify; return the status, the condition of the stamp and what is said of it."""
    done = run("verify", str(case), "--json", *more)
    remarks = json.loads(done.out)["remarks"]
    (one,) = [remark for remark in remarks if remark["what"] == "manifest.tsr"]
    return done.status, one["condition"], one["detail"]


def test_it_holds_without_the_network(made: Path, case: Path) -> None:
    status, condition, detail = told(case, "--timestamp-ca", str(made / "first" / "ca.pem"))
    assert (status, condition) == (0, "intact")
    assert re.fullmatch(
        r"manifest\.json existed at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, says CN=First Authority",
        detail,
    )


def test_openssl_says_the_same(made: Path, case: Path) -> None:
    words = ["-data", str(case / "manifest.json"), "-in", str(case / "manifest.tsr")]
    done = subprocess.run(
        ["openssl", "ts", "-verify", *words, "-CAfile", str(made / "first" / "ca.pem")],
        capture_output=True,
        check=True,
    )
    assert b"Verification: OK" in done.stdout


def test_without_a_certificate_nothing_is_claimed(case: Path) -> None:
    status, condition, detail = told(case)
    assert (status, condition) == (0, "not checked")
    assert "--timestamp-ca" in detail


def test_another_authority_is_none(made: Path, case: Path) -> None:
    status, condition, detail = told(case, "--timestamp-ca", str(made / "second" / "ca.pem"))
    assert (status, condition) == (1, "wrong")
    assert "none that was named" in detail


def test_a_stamp_over_other_bytes(made: Path, case: Path) -> None:
    raw = (case / "manifest.json").read_bytes()
    (case / "manifest.json").write_bytes(raw.replace(b'"capture.pcap"', b'"another.pcap"'))
    status, condition, detail = told(case, "--timestamp-ca", str(made / "first" / "ca.pem"))
    assert (status, condition) == (1, "wrong")
    assert "other bytes" in detail
    assert told(case)[:2] == (1, "wrong")


def test_taken_away_added_and_spoiled(made: Path, case: Path, tmp_path: Path) -> None:
    authority = ("--timestamp-ca", str(made / "first" / "ca.pem"))
    raw = (case / "manifest.tsr").read_bytes()
    for bad in (b"", b"x" * 40, raw[:-30], raw[:200], raw[:60] + b"\xff" + raw[61:], raw[::-1]):
        (case / "manifest.tsr").write_bytes(bad)
        assert told(case, *authority)[:2] == (1, "wrong"), len(bad)
    (case / "manifest.tsr").unlink()
    assert told(case)[:2] == (1, "missing")
    (case / "manifest.tsr").symlink_to(made / "case" / "manifest.tsr")
    assert told(case)[:2] == (1, "altered")
    assert run("report", EVIDENCE, "-q", "-o", str(tmp_path / "bare")).status == 0
    assert told(tmp_path / "bare", *authority)[:2] == (1, "missing")
    shutil.copy(made / "case" / "manifest.tsr", tmp_path / "bare")
    assert told(tmp_path / "bare")[:2] == (1, "added")


def test_every_changed_byte_is_seen(made: Path, case: Path) -> None:
    """Of the signed part: a stamp that is changed anywhere does not hold for its authority."""
    authority = ("--timestamp-ca", str(made / "first" / "ca.pem"))
    raw = (case / "manifest.tsr").read_bytes()
    inside = raw.index(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04")  # id-ct-TSTInfo
    for at in range(inside + 15, inside + 120, 7):
        (case / "manifest.tsr").write_bytes(raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :])
        assert told(case, *authority)[:2] == (1, "wrong"), at


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/down", "HTTP status 503"),
        ("/junk", "is no stamp of RFC 3161"),
        ("/refuses", "refused it"),
    ],
)
def test_an_authority_that_does_not_answer(url: str, path: str, said: str, tmp_path: Path) -> None:
    done = run("report", EVIDENCE, "-o", str(tmp_path / "case"), "--timestamp", url + path)
    assert done.status == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "case").exists()


def test_an_answer_to_another_question(url: str, tmp_path: Path) -> None:
    words = ("--timestamp", f"{url}/old")
    assert run("report", EVIDENCE, "-q", "-o", str(tmp_path / "a"), *words).status == 0
    done = run("report", EVIDENCE, "-o", str(tmp_path / "b"), *words)
    assert done.status == 2
    assert "another question" in done.err


@pytest.mark.parametrize("text", ["ftp://x/", "file:///etc/passwd", "tsa.example", "http://", "["])
def test_only_the_web_is_asked(text: str, tmp_path: Path) -> None:
    done = run("report", EVIDENCE, "-o", str(tmp_path / "case"), "--timestamp", text)
    assert done.status == 2
    assert "write http://HOST/PATH" in done.err


def test_nobody_listens(tmp_path: Path) -> None:
    words = ("--timestamp", "http://127.0.0.1:1/")
    done = run("report", EVIDENCE, "-o", str(tmp_path / "case"), *words)
    assert done.status == 2
    assert "refused" in done.err


def test_no_certificates(case: Path) -> None:
    done = run("verify", str(case), "--timestamp-ca", "Makefile")
    assert done.status == 2
    assert "no certificate" in done.err


def test_a_query_of_ours_is_one_for_openssl(made: Path) -> None:
    answer = subprocess.run(
        ["openssl", "ts", "-query", "-data", EVIDENCE, "-sha256", "-cert"],
        capture_output=True,
        check=True,
    ).stdout
    assert reply(made / "first", answer)
