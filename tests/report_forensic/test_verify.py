"""`carpscope verify` catches everything that was done to a report, and says what it was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from carpscope.core.text import shown
from carpscope.report.forensic.manifest import SCHEMA
from carpscope.report.forensic.verify import Condition, verify
from carpscope.report.sign import generate, private_bytes, public_of, public_pem
from tests.program import CAPTURES, capture, run

EVIDENCE = capture("ucarp-one-way-link")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a signed report once; keys lie beside it."""
    base = tmp_path_factory.mktemp("case")
    key = generate()
    (base / "key.pem").write_bytes(private_bytes(key, None, openssh=False))
    (base / "key.pub.pem").write_bytes(public_pem(public_of(key)))
    (base / "key.pub").write_text(f"{public_of(key).line}\n")
    (base / "other.pub.pem").write_bytes(public_pem(public_of(generate())))
    done = run("report", EVIDENCE, "-o", str(base / "report"), "--sign", str(base / "key.pem"))
    assert done.status == 0, done.err
    return base


@pytest.fixture
def case(made: Path, tmp_path: Path) -> Path:
    """Give a copy that a test may spoil."""
    shutil.copytree(made, tmp_path / "case")
    return tmp_path / "case"


def check(case: Path, *more: str, key: str = "key.pub.pem") -> tuple[int, dict[str, list[str]]]:
    """Verify; return the status and what is in which condition."""
    done = run("verify", str(case / "report"), "--key", str(case / key), "--json", *more)
    answer = json.loads(done.out)
    found: dict[str, list[str]] = {}
    for remark in answer["remarks"]:
        found.setdefault(remark["condition"], []).append(remark["what"])
    assert answer["intact"] is (done.status == 0)
    return done.status, found


@pytest.mark.parametrize("key", ["key.pub.pem", "key.pub"])
def test_an_untouched_report_is_intact(case: Path, key: str) -> None:
    status, found = check(case, "--evidence", EVIDENCE, key=key)
    assert status == 0
    assert set(found) == {"intact"}
    assert "evidence capture.pcap" in found["intact"]
    assert len(found["intact"]) == 9  # the signature, seven files, the evidence


NAMES = (
    "report.html", "report.md", "findings.json", "events.jsonl", "nodes.csv", "findings.csv",
    "evidence.pcapng",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_one_changed_byte_is_found_in_any_file(case: Path, name: str) -> None:
    path = case / "report" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    status, found = check(case)
    assert status == 1
    assert found["altered"] == [name]


def test_a_changed_manifest_no_longer_fits_its_signature(case: Path) -> None:
    path = case / "report" / "manifest.json"
    text = path.read_text()
    path.write_text(text.replace('"UTC"', '"utc"'))
    assert text != path.read_text()
    status, found = check(case)
    assert status == 1
    assert found["wrong"] == ["manifest.sig"]


def _append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"\n")


def _cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _link(path: Path) -> None:
    copy = path.parent.parent / f"{path.name}.copy"
    shutil.move(path, copy)
    path.symlink_to(copy)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [_append, _cut, _link, _folder])
def test_other_bytes_and_what_is_no_file_any_more(
    case: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(case / "report" / "findings.json")
    status, found = check(case)
    assert status == 1
    assert found["altered"] == ["findings.json"]


def test_a_removed_file_is_missing(case: Path) -> None:
    (case / "report" / "nodes.csv").unlink()
    status, found = check(case)
    assert (status, found["missing"]) == (1, ["nodes.csv"])


def test_an_added_file_is_named_with_what_is_in_its_name_made_visible(case: Path) -> None:
    (case / "report" / "note\x1b[31m\u202e.txt").write_text("trust me")
    status, found = check(case)
    assert (status, found["added"]) == (1, ["note\\x1b[31m\\u202e.txt"])


def test_a_removed_signature_is_missing(case: Path) -> None:
    (case / "report" / "manifest.sig").unlink()
    status, found = check(case)
    assert (status, found["missing"]) == (1, ["manifest.sig"])


def test_a_truncated_signature_is_wrong_wherever_it_is_cut(case: Path) -> None:
    path = case / "report" / "manifest.sig"
    text = path.read_text()
    for length in range(0, len(text) - 1, 23):
        path.write_text(text[:length])
        status, found = check(case)
        assert (status, found["wrong"]) == (1, ["manifest.sig"])


def test_a_wrong_key_is_named_as_such(case: Path) -> None:
    status, found = check(case, key="other.pub.pem")
    assert (status, found["wrong"]) == (1, ["manifest.sig"])


def test_a_report_signed_anew_by_somebody_else_does_not_pass(case: Path, tmp_path: Path) -> None:
    thief = tmp_path / "thief.pem"
    thief.write_bytes(private_bytes(generate(), None, openssh=False))
    shutil.rmtree(case / "report")
    run("report", EVIDENCE, "-o", str(case / "report"), "--sign", str(thief))
    status, found = check(case)
    assert (status, found["wrong"]) == (1, ["manifest.sig"])


def test_swapped_evidence_is_altered_and_foreign_evidence_added(case: Path, tmp_path: Path) -> None:
    swapped = tmp_path / "capture.pcap"
    shutil.copy(capture("ucarp-healthy"), swapped)
    status, found = check(case, "--evidence", str(swapped))
    assert (status, found["altered"]) == (1, ["evidence capture.pcap"])
    foreign = tmp_path / "other.pcap"
    shutil.copy(capture("ucarp-healthy"), foreign)
    status, found = check(case, "--evidence", EVIDENCE, str(foreign))
    assert (status, found["added"]) == (1, ["evidence other.pcap"])


def test_evidence_under_another_name_is_recognised(case: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed.pcap"
    shutil.copy(EVIDENCE, renamed)
    status, found = check(case, "--evidence", str(renamed))
    assert status == 0
    assert "evidence renamed.pcap" in found["intact"]


def test_a_manifest_that_names_paths_outside_the_folder_is_wrong(case: Path) -> None:
    path = case / "report" / "manifest.json"
    listed = json.loads(path.read_text())
    listed["outputs"].append({"name": "../key.pem", "sha256": "0" * 64, "bytes": 1})
    path.write_text(json.dumps(listed))
    status, found = check(case)
    assert status == 1
    assert "../key.pem" in found["wrong"]


@pytest.mark.parametrize("name", ["x" * 300, "nul\0byte", "\ud800"])
def test_a_name_that_no_disk_takes_is_missing(name: str, tmp_path: Path) -> None:
    listed = {
        "schema": SCHEMA,
        "outputs": [{"name": name, "sha256": "00", "bytes": 1}],
        "inputs": [],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(listed))
    answer = verify(tmp_path, (), [])
    assert [r.what for r in answer.remarks if r.condition is Condition.MISSING] == [shown(name)]


def test_without_a_key_the_signer_is_told_and_nobody_vouched_for(case: Path) -> None:
    done = run("verify", str(case / "report"))
    assert done.status == 0
    assert "nobody vouched for" in done.out
    assert "SHA256:" in done.out


def test_an_unsigned_report_says_so_and_fails_where_a_key_is_given(
    made: Path, tmp_path: Path
) -> None:
    run("report", EVIDENCE, "-o", str(tmp_path / "r"))
    done = run("verify", str(tmp_path / "r"))
    assert done.status == 0
    assert "not signed" in done.out
    done = run("verify", str(tmp_path / "r"), "--key", str(made / "key.pub.pem"))
    assert done.status == 1


@pytest.mark.parametrize("what", ["nothing", "no report", "no key", "no evidence"])
def test_what_cannot_be_checked_is_one_line(case: Path, tmp_path: Path, what: str) -> None:
    arguments = {
        "nothing": [str(tmp_path / "nowhere")],
        "no report": [str(CAPTURES)],
        "no key": [str(case / "report"), "--key", str(tmp_path / "none.pem")],
        "no evidence": [str(case / "report"), "--evidence", str(tmp_path / "none.pcap")],
    }[what]
    done = run("verify", *arguments)
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert done.err.startswith("carpscope: ")


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"schema": "x"}', "[" * 100_000])
def test_a_manifest_of_anything_is_altered_and_never_a_traceback(case: Path, text: str) -> None:
    (case / "report" / "manifest.json").write_text(text)
    status, found = check(case)
    assert status == 1
    assert found["altered"] == ["manifest.json"]


def test_the_report_needs_no_rights_to_be_checked(case: Path) -> None:
    for path in (case / "report").iterdir():
        path.chmod(0o444)
    (case / "report").chmod(0o555)
    status, _ = check(case)
    (case / "report").chmod(0o755)
    assert status == 0
