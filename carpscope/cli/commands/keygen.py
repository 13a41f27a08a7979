"""`carpscope keygen`: an Ed25519 key to sign reports with."""

import argparse
import os

from carpscope.cli.command import Command
from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown

EXAMPLES = """\
  carpscope keygen examiner.pem                 asks for a passphrase; writes examiner.pub.pem too
  carpscope keygen examiner --openssh           as ssh-keygen writes keys, with examiner.pub
  carpscope keygen ci.pem --no-passphrase       for a machine that nobody sits at

An Ed25519 key of ssh-keygen does as well: carpscope report … --sign ~/.ssh/id_ed25519"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("path", metavar="KEY", help="where to write the private key")
    parser.add_argument("--openssh", action="store_true", help="in OpenSSH's format, not PEM")
    parser.add_argument(
        "--no-passphrase", action="store_true", help="not encrypted: the file alone signs"
    )


def run(options: argparse.Namespace) -> int:
    """Write both halves; nothing that exists is overwritten."""
    from pathlib import Path

    from carpscope.cli.passphrase import new_passphrase
    from carpscope.report.sign import generate, private_bytes, public_of, public_pem

    path = Path(options.path)
    public_path = (
        path.with_name(f"{path.name}.pub")
        if options.openssh
        else path.with_name(f"{path.name.removesuffix('.pem')}.pub.pem")
    )
    for existing in (path, public_path):
        if existing.exists() or existing.is_symlink():
            raise CarpscopeError(f"{existing}: exists; a key is never overwritten")
    passphrase = None if options.no_passphrase else new_passphrase()
    key = generate()
    public = public_of(key)
    _write(path, private_bytes(key, passphrase, openssh=options.openssh), 0o600)
    text = f"{public.line}\n".encode() if options.openssh else public_pem(public)
    _write(public_path, text, 0o644)
    how = "" if passphrase else ", NOT encrypted"
    print(f"{shown(str(path))}  the private key{how}: keep it to yourself")
    print(f"{shown(str(public_path))}  the public key, for carpscope verify --key")
    print(f"{public.fingerprint}")
    return 0


def _write(path: "os.PathLike[str]", data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as problem:
        os.unlink(path)  # noqa: PTH108 - half a key would be in the way of a whole one
        told = f"{os.fspath(path)}: {problem.strerror}; no key was written"
        raise CarpscopeError(told) from None


COMMAND = Command(
    "keygen",
    "make a key to sign reports with",
    "Makes an Ed25519 key pair: the private half signs reports (carpscope report --sign), the\n"
    "public half lets anyone check them (carpscope verify --key).",
    EXAMPLES,
    configure,
    run,
)
