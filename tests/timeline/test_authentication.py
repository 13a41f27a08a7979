"""How a node signs over time: every change with its moment, whoever else shouts."""

import random
from pathlib import Path

import pytest

from carpscope.auth.effort import RUN_DIGESTS
from carpscope.auth.explain import CUT
from carpscope.auth.keyring import Keyring
from carpscope.auth.recipes import recipe
from carpscope.core.units import SECOND
from carpscope.timeline import authentication
from carpscope.timeline.authentication import AuthenticationTrack
from carpscope.timeline.node import Node
from carpscope.timeline.observe import Observer
from carpscope.wire.decode import decode
from tests.auth.shipment import START
from tests.timeline.signers import OTHER, WORD, Says, Way, binary, only, run

A = "10.0.0.1"
ONE = Way(("10.0.0.50",))
TWO = Way(("10.0.0.50", "10.0.0.51"))
NEW = Way(("10.0.0.50",), OTHER)


def steps(node: Node) -> list[tuple[Way | None, int, int]]:
    """Return (way, first second, advertisements) of every span."""
    found: list[tuple[Way | None, int, int]] = []
    for span in node.authentication.spans:
        way = None
        if span.recipe is not None:
            texts = tuple(".".join(map(str, address)) for address in span.recipe.addresses)
            way = Way(texts, span.recipe.key.secret)
        found.append((way, (span.start - START) // SECOND, span.count))
    return found


def said(*ways: tuple[Way, range]) -> list[Says]:
    return [Says(second, A, 1000 + second, way) for way, seconds in ways for second in seconds]


def test_an_alias_added(tmp_path: Path) -> None:
    talk = said((ONE, range(10)), (TWO, range(10, 25)))
    node = only(run(tmp_path, talk, [WORD], ["10.0.0.50", "10.0.0.51"])).members[0]
    assert steps(node) == [(ONE, 0, 10), (TWO, 10, 15)]


def test_a_passphrase_rotated_in_silence(tmp_path: Path) -> None:
    talk = said((ONE, range(10)), (NEW, range(40, 55)), (ONE, range(60, 65)))
    node = only(run(tmp_path, talk, [WORD, OTHER], ["10.0.0.50"])).members[0]
    assert steps(node) == [(ONE, 0, 10), (NEW, 40, 15), (ONE, 60, 5)]
    assert node.authentication.verified == 30


@pytest.mark.parametrize("known", [WORD, OTHER])
def test_only_one_of_two_passphrases_is_known(tmp_path: Path, known: bytes) -> None:
    talk = said((ONE, range(10)), (NEW, range(10, 40)))
    node = only(run(tmp_path, talk, [known], ["10.0.0.50"])).members[0]
    expected = [(ONE, 0, 10), (None, 10, 30)] if known == WORD else [(None, 0, 10), (NEW, 10, 30)]
    assert steps(node) == expected
    assert node.authentication.failed == sum(count for way, _, count in expected if way is None)


def test_a_few_in_the_middle(tmp_path: Path) -> None:
    """Neither the first nor the last one is of the way that is known."""
    talk = said((NEW, range(20)), (ONE, range(20, 40)), (NEW, range(40, 60)))
    node = only(run(tmp_path, talk, [WORD], ["10.0.0.50"])).members[0]
    assert steps(node) == [(None, 0, 20), (ONE, 20, 20), (None, 40, 20)]


def test_what_one_node_signs_explains_another(tmp_path: Path) -> None:
    """The second node's addresses are found through its typing mistake; the first has them too."""
    strange = Way(("10.0.0.50", "10.0.0.99", "10.0.0.77"))
    talk = said((strange, range(3)))
    talk += [Says(10 + n, "10.0.0.2", 5000 + n, strange, impl="freebsd9") for n in range(9)]
    supplied = ["10.0.0.50", "10.0.0.99"]
    for node in only(run(tmp_path, talk, [WORD], supplied)).members:
        assert [way for way, _, _ in steps(node)] == [Way(("10.0.0.50", "10.0.0.77", "10.0.0.99"))]


def test_a_damaged_one_between(tmp_path: Path) -> None:
    talk = said((ONE, range(20)))
    talk[7] = talk[7]._replace(way=Way(("10.9.9.9", "10.8.8.8", "10.7.7.7"), b"line noise"))
    node = only(run(tmp_path, talk, [WORD], ["10.0.0.50"])).members[0]
    assert [count for _, _, count in steps(node)] == [7, 1, 12]
    assert node.authentication.recipe is not None


def test_senders_without_end(tmp_path: Path) -> None:
    """Three hundred made-up senders: the real node is explained and the effort is bounded."""
    draw = random.Random(7)
    talk = said((TWO, range(100)))
    talk += [
        Says(
            draw.random() * 99,
            ".".join(str(draw.randrange(1, 255)) for _ in range(4)),
            draw.getrandbits(64),
            Way(("203.0.113.1", "203.0.113.2"), draw.randbytes(8).replace(b"\0", b"x")),
        )
        for _ in range(300)
    ]
    analysis = run(tmp_path, talk, [WORD], ["10.0.0.50", "10.0.0.51"])
    real = next(node for node in only(analysis).members if node.id == A)
    assert steps(real) == [(TWO, 0, 100)]
    spent = analysis.observer.effort.spent
    assert spent <= RUN_DIGESTS + (1 << 20)
    limits = {limit for node in only(analysis).members for limit in node.authentication.limits}
    assert spent < RUN_DIGESTS or CUT in limits


def test_a_long_capture_is_looked_at_early(tmp_path: Path) -> None:
    """What is easily explained never piles up."""
    from carpscope.core.frame import Frame
    from tests.auth.shipment import frame
    from tests.timeline.signers import sent

    observer = Observer(Keyring([WORD]), (binary("10.0.0.50"),))
    for number, one in enumerate(sent(said((ONE, range(40)))), 1):
        data = frame(one)
        observer.see(decode(Frame(number, START + one.at, 1, data, len(data))))
    (group,) = observer.groups.values()
    track = group.members[0].authentication
    assert not track.waiting
    assert track.verified == 40


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "WAITING_LIMIT", 10)
    monkeypatch.setattr(authentication, "SIGNED_KEPT", 5)
    track = AuthenticationTrack()
    due = []
    for number in range(20_000):
        assert not track.see(number, number, number.to_bytes(8, "big"), bytes(20), [])
        if track.due:
            due.append(number + 1)
        assert (track.until_due == 1) == (number + 2 in {4, 16, 256, 4096, 16_384})
    assert len(track.waiting) <= 10
    assert len(track.spans) <= authentication.FOLDS_KEPT
    assert track.failed == 20_000
    assert len(track.signed) == 5
    assert due == [1, 4, 16, 256, 4096, 16384]


def test_what_waited_too_long_is_explained_by_samples() -> None:
    """A passphrase changed in mid-capture, and the addresses are learned at the end only."""
    recipes = [recipe(1, key, (binary("10.0.0.50"),)) for key in Keyring([WORD, OTHER]).plain]
    track = AuthenticationTrack()
    for number in range(40_000):
        counter = number.to_bytes(8, "big")
        signer = recipes[number >= 25_600].signer
        track.see(number, number, counter, signer.sign(counter), [])
    track.apply(recipes)
    track.tidy(finish=True)
    told = [(span.recipe, span.count) for span in track.spans]
    assert [r for r, _ in told] == recipes
    assert abs(told[0][1] - 25_600) <= 256
    assert track.verified == 40_000


def test_a_counter_signed_again_differently() -> None:
    """OpenBSD's counter stays; another HMAC of it shows that the node was reconfigured."""
    track = AuthenticationTrack()
    for number, digest in enumerate([b"a", b"a", b"b", b"b"]):
        track.see(number, number, bytes(8), digest, [])
    assert [one.frame for one in track.resigned] == [2]
