"""What a vhid signs with and what it accepts.

Two nodes with the same passphrase and addresses share one `Secret`, and a secret
remembers the last counter it signed: an advertisement heard by ten nodes costs
one HMAC, not eleven. That memory changes no answer, only its price.
"""

from functools import lru_cache

from carpscope.auth.digest import Signer
from carpscope.core.values import dataclass

PASSPHRASE_SIZE = 19
"""ifconfig copies with strlcpy into 20 bytes and ucarp refuses more than 19."""


class Secret:
    """A key with the message before the counter; signs counters."""

    __slots__ = ("_counter", "_digest", "_signer")

    def __init__(self, key: bytes, message: bytes) -> None:
        """Prepare the hash, as carp_hmac_prepare() does when the configuration changes."""
        self._signer = Signer(key, message)
        self._counter = b""
        self._digest = b""

    def sign(self, counter: bytes) -> bytes:
        """Return the digest of 8 bytes of counter."""
        if counter != self._counter:
            self._digest = self._signer.sign(counter)
            self._counter = counter
        return self._digest


@lru_cache(maxsize=4096)
def secret(key: bytes, message: bytes) -> Secret:
    """Return the one secret of a key and a message."""
    return Secret(key, message)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Which context a node signs in and which ones it takes, in its order of trying."""

    sends: Secret
    accepts: tuple[Secret, ...]


def key_bytes(passphrase: str) -> bytes:
    """Return the key that ifconfig makes of a passphrase: cut at 19 bytes, silently."""
    return passphrase.encode()[:PASSPHRASE_SIZE]
