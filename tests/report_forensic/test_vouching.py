"""Who vouches for a report: every attack that once passed as intact, and the files of signers."""

import base64
import datetime as dt
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carpscope.core.errors import CarpscopeError
from carpscope.report.sign import (
    PublicKey,
    generate,
    private_bytes,
    public_of,
    public_pem,
    read_public,
    sign,
)
from carpscope.report.trust import read_trusted
from tests.program import capture, run

pytestmark = pytest.mark.slow

EVIDENCE = capture("ucarp-one-way-link")
NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
IDENTITY = b"\x01" + bytes(31)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a report that an examiner signed; keys lie beside it."""
    base = tmp_path_factory.mktemp("vouching")
    for name in ("examiner", "thief"):
        key = generate()
        (base / f"{name}.pem").write_bytes(private_bytes(key, None, openssh=False))
        (base / f"{name}.pub").write_text(f"{public_of(key).line}\n")
    run("report", EVIDENCE, "-o", str(base / "report"), "--sign", str(base / "examiner.pem"))
    return base


@pytest.fixture
def case(made: Path, tmp_path: Path) -> Path:
    """Give a copy that a test may spoil."""
    shutil.copytree(made, tmp_path / "case")
    return tmp_path / "case"


def says(case: Path, *more: str) -> tuple[int, str, str]:
    """Verify with `-q` and without; return the status, the last line, and all of it."""
    full = run("verify", str(case / "report"), *more)
    short = run("verify", str(case / "report"), "-q", *more)
    last = full.out.rstrip("\n").splitlines()[-1]
    assert short.out == f"{last}\n"
    assert short.status == full.status
    return full.status, last, full.out


def change(case: Path, how: Callable[[dict[str, Any]], None]) -> bytes:
    """Rewrite the manifest; return its bytes."""
    path = case / "report" / "manifest.json"
    listed = json.loads(path.read_text())
    how(listed)
    data = (json.dumps(listed, indent=1) + "\n").encode()
    path.write_bytes(data)
    return data


def forge_page(case: Path) -> Callable[[dict[str, Any]], None]:
    """Put another page in its place, and its digest into the manifest."""
    page = case / "report" / "report.html"
    page.write_text("<p>All is well.</p>")

    def how(listed: dict[str, Any]) -> None:
        for entry in listed["outputs"]:
            if entry["name"] == "report.html":
                entry["sha256"] = hashlib.sha256(page.read_bytes()).hexdigest()
                entry["bytes"] = page.stat().st_size

    return how


def resign(case: Path, data: bytes) -> None:
    """Let the thief sign."""
    from carpscope.report.sign import read_private

    key = read_private((case / "thief.pem").read_bytes(), "thief", None)
    (case / "report" / "manifest.sig").write_text(sign(data, key))


def fingerprint(case: Path, name: str = "examiner") -> str:
    return read_public((case / f"{name}.pub").read_bytes(), name).fingerprint


def test_the_four_last_lines(case: Path, tmp_path: Path) -> None:
    named = "intact, signed by a key you named"
    assert says(case, "--key", str(case / "examiner.pub"))[:2] == (0, named)
    unnamed = f"intact, signed by {fingerprint(case)} (no key given to compare)"
    assert says(case)[:2] == (0, unnamed)
    (case / "report" / "nodes.csv").write_text("")
    assert says(case)[:2] == (1, "altered")
    run("report", EVIDENCE, "-o", str(tmp_path / "report"))
    assert says(tmp_path)[:2] == (0, "intact, unsigned: nobody vouches")


def test_a_forged_page_whose_signature_was_taken_away(case: Path) -> None:
    forge = forge_page(case)

    def how(listed: dict[str, Any]) -> None:
        forge(listed)
        listed["signing"] = None

    change(case, how)
    (case / "report" / "manifest.sig").unlink()
    assert says(case)[:2] == (0, "intact, unsigned: nobody vouches")
    assert says(case, "--key", str(case / "examiner.pub"))[:2] == (1, "altered")


def test_a_manifest_that_names_the_examiner_and_is_signed_by_another(case: Path) -> None:
    resign(case, change(case, forge_page(case)))
    status, last, text = says(case)
    assert (status, last) == (1, "altered")
    assert "which is not the key the manifest names" in text
    # nor does half of the name help
    data = change(case, lambda m: m["signing"].update(fingerprint=fingerprint(case, "thief")))
    resign(case, data)
    assert says(case)[:2] == (1, "altered")


def test_a_manifest_that_names_the_thief_is_the_thiefs(case: Path) -> None:
    line = (case / "thief.pub").read_text().strip()
    name = {"public_key": line, "fingerprint": fingerprint(case, "thief")}
    resign(case, change(case, lambda m: m["signing"].update(name)))
    last = f"intact, signed by {fingerprint(case, 'thief')} (no key given to compare)"
    assert says(case)[:2] == (0, last)
    assert says(case, "--key", str(case / "examiner.pub"))[:2] == (1, "altered")
    assert says(case, "--key", str(case / "thief.pub"))[:2] == (
        0,
        "intact, signed by a key you named",
    )


def test_a_signature_that_needs_no_secret(case: Path) -> None:
    """With the identity point as key, R = identity and S = 0 fit any message."""
    weak = PublicKey(IDENTITY)
    name = {"public_key": weak.line, "fingerprint": weak.fingerprint}
    data = change(case, lambda m: m["signing"].update(name))
    resign(case, data)
    path = case / "report" / "manifest.sig"
    thief = read_public((case / "thief.pub").read_bytes(), "thief")
    forged = _rewritten(path.read_text(), thief.raw, IDENTITY, IDENTITY + bytes(32))
    path.write_text(forged)
    status, last, text = says(case)
    assert (status, last) == (1, "altered")
    assert "anybody can sign with it" in text


def _rewritten(text: str, old: bytes, new: bytes, signature: bytes) -> str:
    import base64

    head, *rows, foot = text.strip().splitlines()
    blob = base64.b64decode("".join(rows)).replace(old, new)
    return "\n".join((head, base64.b64encode(blob[:-64] + signature).decode(), foot, ""))


@pytest.mark.parametrize(
    "raw",
    [
        IDENTITY,
        IDENTITY[:-1] + b"\x80",
        bytes(32),
        b"\xec" + b"\xff" * 30 + b"\x7f",
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ],
)
def test_a_point_of_small_order_is_no_key(raw: bytes) -> None:
    key = PublicKey(raw)
    with pytest.raises(CarpscopeError, match=r"^k: is no key but a point of small order"):
        read_public(f"{key.line}\n".encode(), "k")
    with pytest.raises(CarpscopeError, match="small order"):
        read_trusted(f"a@b {key.line}\n".encode(), "k", NOW)


def test_several_keys_in_one_file_are_refused(tmp_path: Path) -> None:
    keys = [public_of(generate()) for _ in range(2)]
    for data in (
        b"".join(map(public_pem, keys)),
        "".join(f"{key.line}\n" for key in keys).encode(),
    ):
        with pytest.raises(CarpscopeError, match=r"^k: holds several keys; .* --trust"):
            read_public(data, "k")
    assert read_public(f"# mine\n{keys[0].line} me@here\n\n".encode(), "k") == keys[0]
    assert tmp_path.exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"", "is empty"),
        (lambda data: b" \n", "is empty"),
        (lambda data: data + b'{"schema": "x"}', "bytes follow its end"),
        (lambda data: data + b"\n", "1 byte follows its end"),
        (lambda data: data[:-40], "is no manifest of carpscope any more"),
        (lambda data: b'{"outputs": [],' + data.lstrip()[1:], "says 'outputs' twice"),
    ],
)
def test_a_manifest_that_is_none_says_why(
    case: Path, spoil: Callable[[bytes], bytes], said: str
) -> None:
    path = case / "report" / "manifest.json"
    path.write_bytes(spoil(path.read_bytes()))
    status, last, text = says(case)
    assert (status, last) == (1, "altered")
    assert said in text


def test_a_manifest_without_a_file_vouches_for_nothing(case: Path) -> None:
    (case / "report" / "manifest.sig").unlink()
    change(case, lambda m: m.update(outputs=[], signing=None))
    for path in (case / "report").iterdir():
        if path.name != "manifest.json":
            path.unlink()
    status, last, text = says(case)
    assert (status, last) == (1, "altered")
    assert "lists no file" in text


def test_bytes_behind_a_signature(case: Path) -> None:
    path = case / "report" / "manifest.sig"
    path.write_text(path.read_text() + "trust me\n")
    status, _, text = says(case)
    assert status == 1
    assert "bytes follow its end" in text


def test_a_signature_for_another_purpose(case: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen here")
    key = case / "examiner.ssh"
    from carpscope.report.sign import read_private

    private = read_private((case / "examiner.pem").read_bytes(), "examiner", None)
    key.write_bytes(private_bytes(private, None, openssh=True))
    key.chmod(0o600)
    manifest = case / "report" / "manifest.json"
    words = ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", "git", str(manifest)]
    subprocess.run(words, check=True, capture_output=True)
    shutil.move(f"{manifest}.sig", case / "report" / "manifest.sig")
    status, _, text = says(case)
    assert status == 1
    assert "is one for 'git', not for carpscope-report" in text


def test_a_file_of_examiners(case: Path) -> None:
    one, other = (case / f"{name}.pub" for name in ("examiner", "thief"))
    allowed = case / "allowed"
    allowed.write_text(
        "# the laboratory\n"
        "old@lab ssh-rsa AAAAB3NzaC1yc2E=\n"
        f'"Jane Doe" namespaces="git,carpscope-report" {one.read_text()}'
        f"bob@lab {public_of(generate()).line} a comment\n"
    )
    status, last, text = says(case, "--trust", str(allowed))
    assert (status, last) == (0, "intact, signed by a key you named")
    assert "the key of Jane Doe" in text
    allowed.write_text(f"bob@lab {other.read_text()}")
    status, last, text = says(case, "--trust", str(allowed))
    assert (status, last) == (1, "altered")
    assert "not with a key you named" in text
    for option, said in (
        ('namespaces="git"', "which may sign git and no carpscope-report"),
        ('valid-before="20200101"', "which was valid before 20200101 only"),
        ('valid-after="29990101Z"', "which is valid after 29990101Z only"),
        ("cert-authority", "which signs certificates and no reports"),
    ):
        allowed.write_text(f"jane@lab {option} {one.read_text()}")
        status, _, text = says(case, "--trust", str(allowed))
        assert (status, said in text) == (1, True), option
    # one key of both is enough
    status, last, _ = says(case, "--trust", str(allowed), "--key", str(one))
    assert (status, last) == (0, "intact, signed by a key you named")


def test_openssh_reads_the_same_file(case: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen here")
    allowed = case / "allowed"
    one = (case / "examiner.pub").read_text()
    words = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "jane@lab"]
    words += ["-n", "carpscope-report", "-s", str(case / "report" / "manifest.sig")]
    manifest = (case / "report" / "manifest.json").read_bytes()
    for option in (
        "",
        'namespaces="carpscope-report"',
        'namespaces="git"',
        'valid-before="20200101"',
    ):
        allowed.write_text(f"jane@lab {option} {one}")
        theirs = subprocess.run(words, input=manifest, capture_output=True, check=False)
        ours = says(case, "--trust", str(allowed))[0]
        assert (theirs.returncode == 0) == (ours == 0), option


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no signer with an Ed25519 key"),
        ("old@lab ssh-rsa AAAA\n", "names no signer with an Ed25519 key"),
        ("ssh-ed25519 AAAA\n", "a:1: begins with a key; before it stands whose it is"),
        ("\njane@lab ssh-ed25519 ????\n", "a:2: its key is not base64"),
        ("jane@lab ssh-ed25519\n", "a:1: cannot be read as a public key"),
        ("jane@lab something AAAA\n", "a:1: has no key of a known kind"),
        ('jane@lab no-such="x" ssh-ed25519 AAAA\n', "a:1: "),
        ('jane@lab valid-before="soon" ssh-ed25519 {}\n', "'soon' is no date"),
        ('jane@lab until="soon" ssh-ed25519 {}\n', "'until' is no option of a signer"),
    ],
)
def test_what_is_wrong_with_a_file_of_signers_is_said(text: str, said: str) -> None:
    blob = public_of(generate()).line.split()[1]
    with pytest.raises(CarpscopeError) as caught:
        read_trusted(text.replace("{}", blob).encode(), "a", NOW)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dates_of_signers() -> None:
    line = public_of(generate()).line
    for option, holds in (
        ('valid-after="20261130"', True),
        ('valid-after="202611301201Z"', False),
        ('valid-before="20261130120000Z"', False),
        ('valid-before="20261130120001Z",valid-after="20250101"', True),
    ):
        (found,) = read_trusted(f"a@b {option} {line}\n".encode(), "a", NOW)
        assert (found.refusal == "") == holds, option


def test_json_says_who_vouches(case: Path) -> None:
    done = run("verify", str(case / "report"), "--json")
    answer = json.loads(done.out)
    assert (answer["intact"], answer["vouching"]) == (True, "unnamed")
    assert answer["signer"] == fingerprint(case)


def _in_place_of(path: Path, what: str) -> None:
    path.unlink(missing_ok=True)
    if what == "link":
        path.symlink_to(path.parent.parent / "elsewhere")
    elif what == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"A" * (9 << 20))


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize(
    ("what", "said"), [("link", "is a link now"), ("folder", "is no file"), ("huge", "larger than")]
)
def test_what_stands_in_the_place_of_a_signature(
    case: Path, what: str, said: str, is_signed: bool
) -> None:
    if not is_signed:
        change(case, lambda listed: listed.update(signing=None))
    for name in ("manifest.sig", "manifest.tsr"):
        _in_place_of(case / "report" / name, what)
        status, last, text = says(case)
        assert (status, last) == (1, "altered")
        row = next(line for line in text.splitlines() if name in line)
        assert said in row or (what == "huge" and "says that it is not stamped" in row)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "\ufeff" + text,
        lambda text: text + "\n",
        lambda text: text.rstrip() + "\n\0",
        lambda text: text.replace('"bytes": ', '"bytes": -', 1),
        lambda text: text.replace('"bytes": ', '"bytes": NaN, "was": ', 1),
        lambda text: text.replace('"bytes": ', f'"bytes": {"9" * 5000}', 1),
        lambda text: text.replace('"name": "events.jsonl"', '"name": "./events.jsonl"', 1),
        lambda text: text.replace('"name": "events.jsonl"', '"name": "Events.jsonl"', 1),
        lambda text: text.replace('"name": "events.jsonl"', '"name": "manifest.sig"', 1),
        lambda text: text.replace('"sha256": "', '"sha256": "0', 1),
    ],
)
def test_a_manifest_that_readers_may_take_in_two_ways(
    case: Path, spoil: Callable[[str], str]
) -> None:
    change(case, lambda listed: listed.update(signing=None))
    (case / "report" / "manifest.sig").unlink()
    path = case / "report" / "manifest.json"
    listed = json.loads(path.read_text())
    listed["inputs"] = []
    text = json.dumps(listed, indent=1) + "\n"
    path.write_text(text)
    assert says(case)[:2] == (0, "intact, unsigned: nobody vouches")
    path.write_bytes(spoil(text).encode())
    assert says(case)[:2] == (1, "altered")


def test_a_signature_made_again_without_the_key(case: Path) -> None:
    """S + L is the same signature to who does not look whether S is below L."""
    path = case / "report" / "manifest.sig"
    _, begin, body, end, _ = path.read_text().split("-----")
    raw = base64.b64decode("".join(body.split()))
    order = 2**252 + 27742317777372353535851937790883648493
    other = int.from_bytes(raw[-32:], "little") + order
    text = base64.b64encode(raw[:-32] + other.to_bytes(32, "little")).decode()
    lines = "\n".join(text[at : at + 70] for at in range(0, len(text), 70))
    path.write_text(f"-----{begin}-----\n{lines}\n-----{end}-----\n")
    assert says(case)[:2] == (1, "altered")


@pytest.mark.parametrize(
    ("key", "value"),
    [("algorithm", "RSA"), ("file", "other.sig"), ("namespace", "file"), ("format", "PGP")],
)
def test_a_manifest_that_describes_another_signature(case: Path, key: str, value: str) -> None:
    """The thief signs what says that it is signed by the thief, in a way that nobody checked."""

    def how(listed: dict[str, Any]) -> None:
        thief = read_public((case / "thief.pub").read_bytes(), "thief")
        listed["signing"].update(public_key=thief.line, fingerprint=thief.fingerprint)
        listed["signing"][key] = value

    resign(case, change(case, how))
    status, last, text = says(case)
    assert (status, last) == (1, "altered")
    assert f"the manifest says another {key}" in text


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda listed: listed.pop("signing"), "has no 'signing'"),
        (lambda listed: listed.pop("timestamp"), "has no 'timestamp'"),
        (lambda listed: listed["outputs"][0].pop("sha256"), "'outputs' holds what has no name"),
        (lambda listed: listed["outputs"][0].update(bytes=True), "'outputs' holds what has no"),
        (lambda listed: listed["inputs"].append("capture.pcap"), "'inputs' holds what has no"),
        (lambda listed: listed.update(inputs={}), "'inputs' holds what has no name"),
        (lambda listed: listed.update(note=float("nan")), "says NaN, which is no JSON"),
    ],
)
def test_a_manifest_that_leaves_something_out(
    case: Path, spoil: Callable[[dict[str, Any]], object], said: str
) -> None:
    """A file whose entry has no digest is not compared; it must not be passed over."""
    (case / "report" / "manifest.sig").unlink()

    def how(listed: dict[str, Any]) -> None:
        listed["signing"] = None
        spoil(listed)

    change(case, how)
    status, last, text = says(case)
    assert (status, last) == (1, "altered")
    assert said in text
