"""Keys and signatures: made here, checked by ssh-keygen, and the other way round."""

import shutil
import subprocess
from pathlib import Path

import pytest

from carpscope.core.errors import CarpscopeError
from carpscope.report.sign import (
    PassphraseNeededError,
    generate,
    private_bytes,
    public_of,
    public_pem,
    read_private,
    read_public,
    read_signature,
    sign,
)
from tests.program import run, start

MESSAGE = b'{"schema": "carpscope.manifest/1"}\n'
needs_ssh = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")


def test_a_signature_covers_its_message_and_nothing_else() -> None:
    key = generate()
    signature = read_signature(sign(MESSAGE, key))
    assert signature.key == public_of(key)
    assert signature.covers(MESSAGE)
    assert not signature.covers(MESSAGE + b" ")


def test_a_key_signs_the_same_bytes_alike_every_time() -> None:
    key = generate()
    assert sign(MESSAGE, key) == sign(MESSAGE, key)


def test_a_signature_cut_anywhere_is_none() -> None:
    text = sign(MESSAGE, generate())
    for length in range(len(text) - 1):
        with pytest.raises(ValueError, match=r"it |bytes"):
            read_signature(text[:length])


def test_a_signature_for_another_purpose_covers_nothing(tmp_path: Path) -> None:
    signature = read_signature(sign(MESSAGE, generate()))
    other = type(signature)(signature.key, "git", signature.raw)
    assert not other.covers(MESSAGE)
    assert tmp_path.exists()


@pytest.mark.parametrize("openssh", [False, True])
@pytest.mark.parametrize("passphrase", [None, b"gr\xc3\xbcn 1"])
def test_keys_survive_being_written(openssh: bool, passphrase: bytes | None) -> None:
    key = generate()
    data = private_bytes(key, passphrase, openssh=openssh)
    assert public_of(read_private(data, "k", passphrase)) == public_of(key)
    if passphrase:
        with pytest.raises(PassphraseNeededError):
            read_private(data, "k", None)
        with pytest.raises(CarpscopeError, match="cannot be read as a private key with this"):
            read_private(data, "k", b"wrong")


@pytest.mark.parametrize("data", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"\0" * 99, b"ssh-rsa x"])
def test_what_is_no_key_is_one_line(data: bytes) -> None:
    with pytest.raises(CarpscopeError, match=r"^k: "):
        read_private(data, "k", None)
    with pytest.raises(CarpscopeError, match=r"^k: "):
        read_public(data, "k")


def test_a_public_key_is_read_in_both_forms_and_a_private_one_refused() -> None:
    key = generate()
    public = public_of(key)
    assert read_public(public_pem(public), "k") == public
    assert read_public(f"{public.line} someone@somewhere\n".encode(), "k") == public
    with pytest.raises(CarpscopeError, match="is a private key"):
        read_public(private_bytes(key, None, openssh=False), "k")


@needs_ssh
def test_ssh_keygen_accepts_our_signature_and_knows_our_key(tmp_path: Path) -> None:
    key = generate()
    (tmp_path / "sig").write_text(sign(MESSAGE, key))
    (tmp_path / "signers").write_text(f"examiner {public_of(key).line}\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "examiner"]
    command += ["-n", "carpscope-report", "-s", "sig"]
    done = subprocess.run(command, input=MESSAGE, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert public_of(key).fingerprint in done.stdout.decode()
    done = subprocess.run(command, input=b"x", cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode != 0


@needs_ssh
@pytest.mark.parametrize("passphrase", ["", "two words"])
def test_a_key_of_ssh_keygen_signs(tmp_path: Path, passphrase: str) -> None:
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(tmp_path / "id")]
    subprocess.run(made, check=True, capture_output=True)
    key = read_private((tmp_path / "id").read_bytes(), "id", passphrase.encode() or None)
    public = read_public((tmp_path / "id.pub").read_bytes(), "id.pub")
    assert public == public_of(key)
    told = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "id.pub")], capture_output=True, check=True
    )
    assert public.fingerprint in told.stdout.decode()
    assert read_signature(sign(MESSAGE, key)).covers(MESSAGE)


def test_keygen_writes_two_files_and_never_over_one(tmp_path: Path) -> None:
    path = tmp_path / "examiner.pem"
    done = run("keygen", str(path), "--no-passphrase")
    assert done.status == 0
    assert path.stat().st_mode & 0o777 == 0o600
    public = read_public((tmp_path / "examiner.pub.pem").read_bytes(), "p")
    assert public.fingerprint in done.out
    before = path.read_bytes()
    done = run("keygen", str(path), "--no-passphrase")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "never overwritten" in done.err
    assert path.read_bytes() == before


def test_keygen_takes_the_passphrase_from_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARPSCOPE_KEY_PASSPHRASE", "from the variable")
    path = tmp_path / "id"
    assert run("keygen", str(path), "--openssh").status == 0
    with pytest.raises(PassphraseNeededError):
        read_private(path.read_bytes(), "id", None)
    read_private(path.read_bytes(), "id", b"from the variable")
    assert (tmp_path / "id.pub").read_text().startswith("ssh-ed25519 ")


def test_without_a_terminal_or_a_variable_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "k.pem"
    key.write_bytes(private_bytes(generate(), b"secret", openssh=False))
    capture = "captures/ucarp-healthy/capture.pcap"
    arguments = ("report", capture, "-o", str(tmp_path / "r"), "--sign", str(key))
    done = start(*arguments, prefix=("setsid", "-w", *_python()))
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert "is encrypted" in done.err
    assert not (tmp_path / "r").exists()
    signed = start(*arguments, environment={"CARPSCOPE_KEY_PASSPHRASE": "secret"})
    assert signed.status == 0, signed.err
    assert (tmp_path / "r" / "manifest.sig").is_file()


def _python() -> tuple[str, ...]:
    from tests.program import COMMAND

    return COMMAND
