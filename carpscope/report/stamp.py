"""Time that a third party vouches for: RFC 3161 stamps over a manifest.

A stamping authority signs a digest and the time at which it got it. Who checks needs its
certificate, and nothing from the network.
"""

import datetime as dt
import hashlib
import urllib.error
import urllib.request
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from rfc3161_client import (
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown

ANSWER_LIMIT = 1 << 20
PATIENCE_S = 20.0
_GRANTED = (0, 1)
"""PKIStatus granted, and granted with modifications (RFC 3161, 2.4.2)."""


class TimeStamp(NamedTuple):
    """What an authority said."""

    at: dt.datetime
    authority: str
    """The subject of its certificate; empty where the stamp holds none."""


def checked_url(url: str) -> str:
    """Return a URL that can be asked. Raises CarpscopeError."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CarpscopeError(f"--timestamp {shown(url)}: write http://HOST/PATH of an authority")
    return url


def stamped(url: str, data: bytes) -> bytes:
    """Ask an authority for a stamp over bytes; return its answer. Raises CarpscopeError."""
    asked = TimestampRequestBuilder().data(data).cert_request(cert_request=True).build()
    request = urllib.request.Request(  # noqa: S310 - checked_url saw its scheme
        checked_url(url),
        data=asked.as_bytes(),
        headers={"Content-Type": "application/timestamp-query"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            raw: bytes = answer.read(ANSWER_LIMIT + 1)
    except urllib.error.HTTPError as problem:
        raise CarpscopeError(f"--timestamp {url}: HTTP status {problem.code}") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", problem)
        raise CarpscopeError(f"--timestamp {url}: {shown(str(reason))}") from None
    try:
        response = _decoded(raw)
    except ValueError as problem:
        raise CarpscopeError(f"--timestamp {url}: {problem}") from None
    if response.tst_info.nonce != asked.nonce or not _is_over(response, data):
        raise CarpscopeError(f"--timestamp {url}: the answer is to another question")
    return raw


def read(raw: bytes, data: bytes) -> TimeStamp:
    """Return what a stamp says, if it is over these bytes. Raises ValueError with the reason.

    Whose it is, is not checked.
    """
    response = _decoded(raw)
    if not _is_over(response, data):
        raise ValueError("is over other bytes: one of the two is altered")
    return TimeStamp(response.tst_info.gen_time, _authority(response))


def hold(raw: bytes, data: bytes, certificates: list[x509.Certificate]) -> TimeStamp:
    """Return what a stamp says whose authority these certificates vouch for. Raises ValueError."""
    stamp = read(raw, data)
    roots = [one for one in certificates if one.issuer == one.subject]
    builder = VerifierBuilder(
        roots=roots or certificates, intermediates=[one for one in certificates if one not in roots]
    )
    try:
        builder.build().verify_message(_decoded(raw), data)
    except (VerificationError, ValueError) as problem:
        raise ValueError(f"its authority is none that was named ({problem})") from None
    return stamp


def certificates(raw: bytes, name: str) -> list[x509.Certificate]:
    """Read the certificates of an authority, PEM. Raises CarpscopeError."""
    try:
        return x509.load_pem_x509_certificates(raw)
    except ValueError:
        raise CarpscopeError(f"{name}: holds no certificate in PEM") from None


def _decoded(raw: bytes) -> TimeStampResponse:
    if len(raw) > ANSWER_LIMIT:
        raise ValueError("is too large for a stamp")
    try:
        response = decode_timestamp_response(raw)
        status = int(response.status)
    except ValueError:
        raise ValueError("is no stamp of RFC 3161") from None
    if status not in _GRANTED:
        raise ValueError(f"the authority refused it (status {status})")
    try:
        response.tst_info  # noqa: B018 - it is decoded when it is asked for
    except ValueError:
        raise ValueError("is no stamp of RFC 3161") from None
    return response


def _is_over(response: TimeStampResponse, data: bytes) -> bool:
    imprint = response.tst_info.message_imprint
    names = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384",
             "2.16.840.1.101.3.4.2.3": "sha512"}  # fmt: skip
    name = names.get(imprint.hash_algorithm.dotted_string)
    return name is not None and hashlib.new(name, data).digest() == imprint.message


def _authority(response: TimeStampResponse) -> str:
    signers = list(response.signed_data.signer_infos)
    for raw in response.signed_data.certificates:
        one = x509.load_der_x509_certificate(raw)
        if any(one.serial_number == signer.serial_number for signer in signers):
            return one.subject.rfc4514_string()
    return ""
