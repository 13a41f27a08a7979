"""Ed25519 keys, and detached signatures that ssh-keygen can check without carpscope.

A signature is an OpenSSH one (openssh PROTOCOL.sshsig): armoured text that carries the
public key and a namespace, so that a signature over a report cannot pass for one over a
Git commit. Ed25519 is deterministic: the same key and bytes give the same signature.

    ssh-keygen -Y check-novalidate -n carpscope-report -s manifest.sig < manifest.json
"""

import base64
import binascii
import hashlib
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from carpscope.core.errors import CarpscopeError
from carpscope.core.files import changeable
from carpscope.core.values import dataclass

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
    )

    PrivateKey = Ed25519PrivateKey

NAMESPACE = "carpscope-report"
KEY_TYPE = b"ssh-ed25519"
KEY_SIZE = 32
KEY_FILE_LIMIT = 1 << 16
SIGNATURE_SIZE = 64
_MAGIC = b"SSHSIG"
_VERSION = 1
_HASH = b"sha512"
_BEGIN = "-----BEGIN SSH SIGNATURE-----"
_END = "-----END SSH SIGNATURE-----"
_COLUMNS = 70


_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""The points of order 1, 2, 4 and 8 as they can be written, sign aside: whoever has such a
"key" can sign anything, for the signature is right without a secret (RFC 8032, 5.1.7)."""


class PassphraseNeededError(CarpscopeError):
    """A private key is encrypted and nobody has said its passphrase."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key: 32 bytes."""

    raw: bytes

    @property
    def blob(self) -> bytes:
        """Return it as OpenSSH writes it."""
        return _string(KEY_TYPE) + _string(self.raw)

    @property
    def fingerprint(self) -> str:
        """Return what `ssh-keygen -l` prints: `SHA256:…`."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def line(self) -> str:
        """Return the line of an authorized_keys or allowed_signers file."""
        return f"{KEY_TYPE.decode()} {base64.b64encode(self.blob).decode()}"

    @property
    def is_weak(self) -> bool:
        """Tell whether anybody can sign with it: a point of small order is no key."""
        return self.raw[:-1] + bytes((self.raw[-1] & 0x7F,)) in _SMALL_ORDER

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Tell whether this key made a signature over some bytes."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  slow to import
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signature:
    """A detached signature, taken apart."""

    key: PublicKey
    namespace: str
    raw: bytes

    def covers(self, message: bytes) -> bool:
        """Tell whether it is right, for these bytes and for a report."""
        if self.namespace != NAMESPACE:
            return False
        return self.key.verifies(self.raw, _signed_bytes(message))


def sign(message: bytes, key: "Ed25519PrivateKey") -> str:
    """Return the armoured signature over some bytes."""
    public = public_of(key)
    raw = key.sign(_signed_bytes(message))
    blob = (
        _MAGIC
        + struct.pack(">I", _VERSION)
        + _string(public.blob)
        + _string(NAMESPACE.encode())
        + _string(b"")
        + _string(_HASH)
        + _string(_string(KEY_TYPE) + _string(raw))
    )
    text = base64.b64encode(blob).decode()
    rows = [text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)]
    return "\n".join((_BEGIN, *rows, _END, ""))


def read_signature(text: str) -> Signature:
    """Take an armoured signature apart. Raises ValueError that says what is wrong with it."""
    lines = text.strip().splitlines()
    if not lines or lines[0] != _BEGIN:
        raise ValueError("it does not begin as an OpenSSH signature")
    if _END not in lines:
        raise ValueError("it is cut: its last line is missing")
    end = lines.index(_END)
    if end != len(lines) - 1:
        raise ValueError("bytes follow its end")
    try:
        blob = base64.b64decode("".join(lines[1:end]), validate=True)
    except binascii.Error:
        raise ValueError("it is not base64") from None
    if blob[: len(_MAGIC)] != _MAGIC:
        raise ValueError("it is not an OpenSSH signature")
    at = len(_MAGIC) + 4
    if blob[len(_MAGIC) : at] != struct.pack(">I", _VERSION):
        raise ValueError("it is of an unknown version")
    key, at = _taken(blob, at)
    namespace, at = _taken(blob, at)
    _, at = _taken(blob, at)
    algorithm, at = _taken(blob, at)
    inner, at = _taken(blob, at)
    if at != len(blob):
        raise ValueError("bytes follow its end")
    if algorithm != _HASH:
        raise ValueError("it is over another digest than SHA-512")
    kind, start = _taken(inner, 0)
    raw, start = _taken(inner, start)
    if kind != KEY_TYPE or start != len(inner) or len(raw) != SIGNATURE_SIZE:
        raise ValueError("it is not one of Ed25519")
    return Signature(_public_blob(key), namespace.decode("utf-8", "replace"), raw)


def generate() -> "Ed25519PrivateKey":
    """Make a new private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )

    return Ed25519PrivateKey.generate()


def public_of(key: "Ed25519PrivateKey") -> PublicKey:
    """Return the public half."""
    return PublicKey(key.public_key().public_bytes_raw())


def private_bytes(key: "Ed25519PrivateKey", passphrase: bytes | None, *, openssh: bool) -> bytes:
    """Write a private key as PEM (PKCS 8) or as OpenSSH does, encrypted where asked for."""
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415

    lock: s.KeySerializationEncryption = (
        s.BestAvailableEncryption(passphrase) if passphrase else s.NoEncryption()
    )
    form = s.PrivateFormat.OpenSSH if openssh else s.PrivateFormat.PKCS8
    return key.private_bytes(s.Encoding.PEM, form, lock)


def public_pem(key: PublicKey) -> bytes:
    """Write a public key as PEM, as openssl does."""
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PublicKey,
    )

    found = Ed25519PublicKey.from_public_bytes(key.raw)
    return found.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def key_file(path: str, option: str) -> bytes:
    """Read the bytes of a key. Raises CarpscopeError that names the option."""
    try:
        with Path(path).open("rb") as stream:
            if option == "--sign" and (told := changeable(stream.fileno(), path)):
                raise CarpscopeError(f"--sign {path}: {told}; its signature would prove nothing")
            return stream.read(KEY_FILE_LIMIT)
    except OSError as problem:
        raise CarpscopeError(f"{option} {path}: {problem.strerror}") from None


def read_private(data: bytes, name: str, passphrase: bytes | None) -> "Ed25519PrivateKey":
    """Read a private key, PEM or OpenSSH.

    Raises PassphraseNeededError where it is encrypted and none is given, CarpscopeError
    where it cannot be read or is not Ed25519.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )

    is_ssh = b"BEGIN OPENSSH PRIVATE KEY" in data
    load = s.load_ssh_private_key if is_ssh else s.load_pem_private_key
    try:
        key = load(data, passphrase)
    except TypeError:  # cryptography's word for both: one too few and one too many
        if passphrase is None:
            raise PassphraseNeededError(f"{name}: is encrypted") from None
        return read_private(data, name, None)
    except (ValueError, UnsupportedAlgorithm):
        if passphrase is None and b"ENCRYPTED" in data:
            raise PassphraseNeededError(f"{name}: is encrypted") from None
        wrong = " with this passphrase" if passphrase is not None else ""
        raise CarpscopeError(f"{name}: cannot be read as a private key{wrong}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CarpscopeError(f"{name}: is no Ed25519 key; carpscope keygen makes one")
    return key


def read_public(data: bytes, name: str) -> PublicKey:
    """Read a public key, PEM or a line as OpenSSH writes it. Raises CarpscopeError."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PublicKey,
    )

    if b"PRIVATE KEY" in data:
        raise CarpscopeError(f"{name}: is a private key; checking takes the public one")
    lines = [line for line in data.splitlines() if line.strip() and not line.startswith(b"#")]
    several = data.count(b"-----BEGIN ") > 1 or sum(_is_ssh(line) for line in lines) > 1
    if several:
        raise CarpscopeError(
            f"{name}: holds several keys; name one, or give --trust a file of them"
        )
    bare = b"\n".join(lines)
    try:
        key: object = (s.load_ssh_public_key if _is_ssh(bare) else s.load_pem_public_key)(bare)
    except (ValueError, UnsupportedAlgorithm):
        raise CarpscopeError(f"{name}: cannot be read as a public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise CarpscopeError(f"{name}: is no Ed25519 key")
    found = PublicKey(key.public_bytes_raw())
    if found.is_weak:
        raise CarpscopeError(
            f"{name}: is no key but a point of small order: anybody can sign with it"
        )
    return found


def _is_ssh(data: bytes) -> bool:
    return data.startswith((b"ssh-", b"ecdsa-", b"sk-"))


def _signed_bytes(message: bytes) -> bytes:
    parts = (NAMESPACE.encode(), b"", _HASH, hashlib.sha512(message).digest())
    return _MAGIC + b"".join(_string(part) for part in parts)


def _public_blob(blob: bytes) -> PublicKey:
    kind, at = _taken(blob, 0)
    raw, at = _taken(blob, at)
    if kind != KEY_TYPE or at != len(blob) or len(raw) != KEY_SIZE:
        raise ValueError("its key is not one of Ed25519")
    return PublicKey(raw)


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _taken(data: bytes, at: int) -> tuple[bytes, int]:
    """Take a string with its length in front; what is cut is a ValueError."""
    if len(data) < at + 4:
        raise ValueError("it is cut")
    (size,) = struct.unpack_from(">I", data, at)
    end = at + 4 + size
    if len(data) < end:
        raise ValueError("it is cut")
    return data[at + 4 : end], end
