"""Candidate passphrases: what the tools make of them, what people do to them, what is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.auth.keyring import ALL_BYTES, AS_DEBIAN, AS_GUIS, EMPTY_KEY, CandidateKey, Keyring

WORD = b"quiet harbour"


def variants(word: bytes) -> dict[str, bytes]:
    return {key.variant: key.secret for key in Keyring([word]).keys}


@pytest.mark.parametrize(
    ("variant", "secret"),
    [
        ("as given", WORD),
        ("with a trailing newline", WORD + b"\n"),
        ("with a trailing carriage return, as from a DOS file", WORD + b"\r"),
        ("with a trailing CR and newline", WORD + b"\r\n"),
        ("with double quotes kept", b'"' + WORD + b'"'),
        ("with single quotes kept", b"'" + WORD + b"'"),
        ("with a trailing space", WORD + b" "),
        ("with a leading space", b" " + WORD),
        ("in upper case", WORD.upper()),
        ("with a capital first letter", b"Quiet harbour"),
        ("with a byte order mark before it, as from a Windows editor", b"\xef\xbb\xbf" + WORD),
        ("empty", b""),
    ],
)
def test_what_people_do_to_it(variant: str, secret: bytes) -> None:
    assert variants(WORD)[variant] == secret


@pytest.mark.parametrize(
    ("given", "variant", "secret"),
    [
        (b"word\n", "without surrounding white space", b"word"),
        (b'"word"', "without its quotes", b"word"),
        ("Flüsse".encode(), "in Latin-1 instead of UTF-8", b"Fl\xfcsse"),
        (b"Fl\xfcsse", "in UTF-8 instead of Latin-1", "Flüsse".encode()),
        ("Flüsse".encode(), "in Unicode form NFD", b"Flu\xcc\x88sse"),
        ("Öl".encode(), "in lower case", "öl".encode()),
        (b"\xd6L", "in lower case", b"\xd6l"),
        (b"WoRd", "with a small first letter", b"woRd"),
        (b"WoRd", "with upper and lower case swapped", b"wOrD"),
    ],
)
def test_what_was_done_to_the_candidate(given: bytes, variant: str, secret: bytes) -> None:
    assert variants(given)[variant] == secret


@given(st.binary(min_size=20, max_size=40).filter(lambda word: b"\0" not in word))
def test_long_ones_are_cut(word: bytes) -> None:
    """At 19 bytes as ifconfig cuts, and at 20 as netlink takes."""
    keys = Keyring([word]).keys
    assert keys[0] == CandidateKey(1, "as given", word[:19])
    assert CandidateKey(1, ALL_BYTES, word[:20]) in keys
    assert all(len(key.secret) <= 20 for key in keys)


@given(st.lists(st.binary(max_size=24), max_size=4))
def test_likely_keys_come_first_and_none_twice(words: list[bytes]) -> None:
    ring = Keyring(words)
    secrets = [key.secret.rstrip(b"\0") for key in ring.keys]
    assert len(secrets) == len(set(secrets))
    assert EMPTY_KEY.secret in secrets
    given = [key.variant for key in ring.keys]
    last = max((n for n, variant in enumerate(given) if variant == "as given"), default=-1)
    assert set(given[: last + 1]) <= {"as given"}
    assert set(ring.likely) <= set(ring.keys)


def test_an_empty_candidate_is_called_what_it_is() -> None:
    for word in (b"", b"\0\0"):
        ring = Keyring([b"one", word])
        (empty,) = [key for key in ring.keys if key.is_empty]
        assert (empty.number, empty.label) == (2, "the empty passphrase")
        assert ring.is_weak(2)
    assert [key.label for key in Keyring([b"one"]).keys if key.is_empty] == [EMPTY_KEY.label]
    assert Keyring([b"one"]).keys[0].label == "passphrase #1"
    odd = Keyring([b"one"]).keys[2]
    assert odd.label == f"passphrase #1 ({odd.variant})"


def test_numbers_are_those_of_the_order_given() -> None:
    ring = Keyring([b"one", b"two", b"one"])
    assert len(ring) == 2
    assert [key.number for key in ring.plain] == [1, 2]


@given(st.binary(min_size=4, max_size=24))
def test_nothing_prints_it(word: bytes) -> None:
    ring = Keyring([word])
    told = repr(ring) + "".join(repr(key) + key.label for key in ring.keys)
    text = word.decode("latin-1")
    assert text not in told or text in "passphrase trailing newline with double quotes kept empty"


@pytest.mark.parametrize(
    "word", [b"pass", b"password", b"secret", b"randompass", b"passphrase", b" Secret\n", b""]
)
def test_words_of_the_manuals_are_weak(word: bytes) -> None:
    assert Keyring([word]).is_weak(1)
    assert Keyring([b"R4nd0m-but-long-x"]).is_weak(0), "the empty one always is"
    assert not Keyring([b"R4nd0m-but-long-x"]).is_weak(1)


def test_a_mistake_that_makes_it_too_long_is_cut_both_ways() -> None:
    word = b"nineteen-bytes-long"
    assert len(word) == 19
    found = variants(word)
    assert found["as given"] == word
    assert ALL_BYTES not in found, "ifconfig keeps all of it"
    assert found["with a trailing newline, 20 bytes"] == word + b"\n"
    assert "with a trailing newline" not in found, "cut at 19 it is the word itself"
    assert found["with a leading space"] == b" " + word[:18]
    assert found["with a leading space, 20 bytes"] == b" " + word


@pytest.mark.parametrize(
    ("given", "unquoted"),
    [
        (b'"a"', b"a"),
        (b"'ab'", b"ab"),
        (b'""', None),
        (b"\"a'", None),
        (b"xax", None),
        (b'"', None),
    ],
)
def test_quotes_have_something_between_them(given: bytes, unquoted: bytes | None) -> None:
    assert variants(given).get("without its quotes") == unquoted


def test_encodings_are_for_letters_beyond_ascii() -> None:
    assert not any("Latin" in variant or "Unicode" in variant for variant in variants(b"plain"))
    found = variants("Flüsse".encode())
    assert found["in Latin-1 read as UTF-8 twice"] == "FlÃ¼sse".encode()
    assert "in Unicode form NFC" not in found, "it is that already"
    decomposed = variants("Flu\u0308sse".encode())
    assert decomposed["in Unicode form NFC"] == "Flüsse".encode()
    assert "in Latin-1 instead of UTF-8" not in decomposed, "Latin-1 has no loose dots"


def test_weak_is_asked_by_number() -> None:
    ring = Keyring([b"R4nd0m-but-long-x", b"pass", b"\0\0", b"\0pass"])
    assert [ring.is_weak(number) for number in range(5)] == [True, False, True, True, False]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (b'it\'s "x y"', b'it\\\'s\\"xy\\"'),
        (b"two words", b"twowords"),
        (b"back\\slash", b"back\\\\slash"),
        (b"nothing-to-change", None),
        (b"more spaces than nineteen bytes", b"morespacesthanninet"),
    ],
)
def test_what_pfsense_and_opnsense_store(typed: bytes, stored: bytes | None) -> None:
    """addslashes(str_replace(' ', '', TYPED)), and ifconfig takes 19 bytes of it."""
    assert variants(typed).get(AS_GUIS) == stored


def test_what_debian_starts_ucarp_with() -> None:
    assert variants(b"first second third")[AS_DEBIAN] == b"first"
    assert AS_DEBIAN not in variants(b"alone")
    assert AS_DEBIAN not in variants(b" leading")
