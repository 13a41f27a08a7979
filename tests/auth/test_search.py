"""What a search tries and what it costs, digest by digest: the stages one at a time."""

import itertools
import math

import pytest

from carpscope.auth import sets, stages
from carpscope.auth.digest import Signer, message
from carpscope.auth.effort import AGAIN_DIGESTS, Effort
from carpscope.auth.explain import CUT, Candidates, Outcome, Sample, explain
from carpscope.auth.keyring import CandidateKey, Keyring
from carpscope.auth.recipes import automatic_link_local, in_order
from carpscope.auth.search import Search

WORD = b"quiet-harbour-17"
COUNTER = bytes.fromhex("0102030405060708")
VHID = 10
OWN = automatic_link_local(VHID)
FOURS = tuple(bytes((10, 0, 0, n)) for n in range(1, 31))
SIXES = tuple(bytes.fromhex("20010db8") + bytes(11) + bytes((n,)) for n in range(1, 9))
LINKED = tuple(b"\xfe\x80" + bytes(13) + bytes((n,)) for n in range(1, 4))
STRANGE = bytes((203, 0, 113, 9))


def sample(signed: tuple[bytes, ...], lladdr: bytes = b"") -> Sample:
    """Sign in the order given."""
    ipv4, ipv6 = ([a for a in signed if len(a) == size] for size in (4, 16))
    return Sample(VHID, COUNTER, Signer(WORD, message(VHID, ipv4, ipv6, lladdr)).sign(COUNTER))


class Bench:
    """A search that is asked by hand."""

    def __init__(
        self,
        signed: tuple[bytes, ...] = (STRANGE,),
        supplied: tuple[bytes, ...] = (),
        *,
        words: tuple[bytes, ...] = (WORD,),
        lladdr: bytes = b"",
        most: int = 1 << 22,
        **known: tuple[bytes, ...],
    ) -> None:
        self.outcome = Outcome()
        self.effort = Effort()
        self.search = Search(
            sample(signed, lladdr),
            Keyring(words),
            Candidates(supplied, **known),
            self.outcome,
            self.effort,
            most,
        )
        self.key: CandidateKey = self.search.keyring.keys[0]

    @property
    def digests(self) -> int:
        """Return what was counted, by the search and by the run alike."""
        assert self.effort.spent == self.outcome.digests
        return self.outcome.digests


# ---- effort


def test_effort_is_counted_and_told_now_and_then() -> None:
    told: list[tuple[int, int]] = []
    effort = Effort(200_000, lambda done, most: told.append((done, most)))
    effort.spend(65_535)
    assert (told, effort.spent, effort.room) == ([], 65_535, 134_465)
    effort.spend(1)
    assert told == [(65_536, 200_000)]
    effort.spend(65_535)
    effort.spend(2)
    assert told == [(65_536, 200_000), (131_073, 200_000)]
    effort.spend(100_000)
    assert effort.room == 0, "and not below"
    effort.refill()
    assert effort.room == AGAIN_DIGESTS
    fresh = Effort(10 * AGAIN_DIGESTS)
    fresh.refill()
    assert fresh.total == 10 * AGAIN_DIGESTS, "what is left is not taken away"
    Effort().spend(1 << 20)  # nobody needs to be told


# ---- what one search tries


def test_every_subset_costs_one_digest() -> None:
    for count in (1, 2, 5, 9):
        bench = Bench()
        assert bench.search.try_subsets(bench.key, FOURS[:count]) is None
        assert bench.digests == 2**count - 1
    assert Bench().search.try_subsets(Bench().key, ()) is None


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_every_subset_is_found_and_counted_up_to_there(size: int) -> None:
    spent = set()
    for signed in itertools.combinations(FOURS[:4], size):
        bench = Bench(signed)
        found = bench.search.try_subsets(bench.key, FOURS[:4])
        assert found is not None
        assert (found.addresses, found.lladdr) == (signed, b"")
        spent.add(bench.digests)
    assert len(spent) == math.comb(4, size), "each at its own place in the walk"
    assert max(spent) <= 15
    assert min(spent) >= 1


def test_subsets_stop_when_there_is_no_more_room() -> None:
    bench = Bench(most=20_000)
    assert bench.search.try_subsets(bench.key, FOURS[:16]) is None
    assert 20_000 <= bench.digests < 20_000 + 2 * 16_384
    bench = Bench(most=1 << 22)
    assert bench.search.try_subsets(bench.key, FOURS[:16]) is None
    assert bench.digests == 2**16 - 1
    last = Bench((FOURS[15],))
    found = last.search.try_subsets(last.key, FOURS[:16])
    assert found is not None
    assert last.digests == 16, "the single ones come first"


def test_subsets_behind_a_link_layer_address() -> None:
    mac = bytes.fromhex("02aabbccddee")
    bench = Bench(FOURS[:2], lladdr=mac)
    assert bench.search.try_subsets(bench.key, FOURS[:3]) is None
    found = bench.search.try_subsets(bench.key, FOURS[:3], mac)
    assert found is not None
    assert (found.addresses, found.lladdr) == (FOURS[:2], mac)


@pytest.mark.parametrize(("fours", "sixes"), [(1, 0), (3, 0), (4, 0), (2, 2), (0, 3), (3, 1)])
def test_every_order_costs_one_digest(fours: int, sixes: int) -> None:
    """All arrangements of all subsets of each family, IPv4 before IPv6, the empty one left out."""
    bench = Bench()
    assert bench.search.try_orders(bench.key, (*FOURS[:fours], *SIXES[:sixes])) is None
    arranged = [sum(math.perm(n, k) for k in range(n + 1)) for n in (fours, sixes)]
    assert bench.digests == arranged[0] * arranged[1] - 1


def test_any_order_is_found() -> None:
    for signed in itertools.permutations(FOURS[:3]):
        bench = Bench((*signed, SIXES[1], SIXES[0]))
        found = bench.search.try_orders(bench.key, (*SIXES[:2], *FOURS[:3]))
        assert found is not None
        assert found.addresses == (*signed, SIXES[1], SIXES[0])
        assert bench.digests >= 1


def test_orders_stop_when_there_is_no_more_room() -> None:
    bench = Bench(most=20_000)
    assert bench.search.try_orders(bench.key, FOURS[:8]) is None
    assert 20_000 <= bench.digests < 20_000 + 2 * 16_384
    bench = Bench()
    assert bench.search.try_orders(bench.key, FOURS[:8]) is None
    assert bench.digests == 109_600


def test_sets_are_tried_key_by_key() -> None:
    chosen = ((), FOURS[:1], FOURS[:2], FOURS[1:3])
    bench = Bench(FOURS[:2], words=(b"first", WORD))
    found = bench.search.try_all(bench.search.keyring.plain, chosen)
    assert found is not None
    assert (found.key.number, found.addresses) == (2, FOURS[:2])
    assert bench.digests == 4 + 3
    bench = Bench(words=(b"first", WORD), most=4)
    assert bench.search.try_all(bench.search.keyring.plain, chosen) is None
    assert bench.digests == 4, "no room for the second key"
    bench = Bench(words=(b"first", WORD), most=5)
    assert bench.search.try_all(bench.search.keyring.plain, chosen) is None
    assert bench.digests == 8


@pytest.mark.parametrize("stranger", [bytes((9, 0, 0, 1)), STRANGE, FOURS[2], SIXES[0], LINKED[0]])
def test_a_stranger_takes_its_place_among_the_others(stranger: bytes) -> None:
    base = in_order((FOURS[0], FOURS[4], SIXES[3]))
    bench = Bench(in_order((*base, stranger)))
    found = bench.search.try_strangers(bench.key, base, [bytes((9, 9, 9, 9)), stranger])
    assert found == in_order((*base, stranger))
    assert bench.digests == 2
    missed = Bench((STRANGE, FOURS[1]))
    assert missed.search.try_strangers(missed.key, base, [stranger, STRANGE, FOURS[7]]) is None
    assert missed.digests == 3


def test_what_nobody_supplied_is_named() -> None:
    bench = Bench((STRANGE,), FOURS[:2], learned=FOURS[2:3])
    found = bench.search.found(bench.key, (FOURS[0], FOURS[2], STRANGE, OWN))
    assert found.unsupplied == (STRANGE,)
    slip = bytes((10, 0, 0, 11))  # one key too many
    found = bench.search.found(bench.key, (slip, FOURS[1]))
    assert (found.unsupplied, found.instead) == ((slip,), (FOURS[0],))


def test_link_layer_addresses_worth_trying() -> None:
    virtual, group = bytes.fromhex("00005e00010a"), bytes.fromhex("01005e000012")
    macs = tuple(bytes.fromhex("0200000000") + bytes((n,)) for n in range(6))
    bench = Bench(macs=(virtual, group, *macs))
    assert bench.search.lladdrs == list(macs[:4])
    other = bytes.fromhex("00005e00010b")
    assert Bench(macs=(other,)).search.lladdrs == [other], "another vhid's is set by hand"


def test_what_was_left_out_is_said_once() -> None:
    bench = Bench()
    bench.search.limit("this")
    bench.search.limit("that")
    bench.search.limit("this")
    assert bench.outcome.limits == ["this", "that"]


# ---- the stages, and what each costs where nothing fits


def test_what_the_usual_costs() -> None:
    mac = bytes.fromhex("02aabbccddee")
    bench = Bench(supplied=FOURS[:3], macs=(mac,))
    assert stages.usual(bench.search) is None
    keys, chosen = bench.search.keyring.keys, sets.usual(bench.search.pool, OWN)
    assert bench.digests == 2 * len(keys) * len(chosen)
    for lladdr in (b"", mac):
        hit = Bench(FOURS[:2], FOURS[:3], lladdr=lladdr, macs=(mac,))
        found = stages.usual(hit.search)
        assert found is not None
        assert (found.addresses, found.lladdr) == (FOURS[:2], lladdr)


@pytest.mark.parametrize(("count", "tried"), [(3, 4), (9, 10), (10, 10), (14, 10)])
def test_what_few_costs(count: int, tried: int) -> None:
    """With its own link-local address, up to ten of them, under every key."""
    bench = Bench(supplied=FOURS[:count])
    assert stages.few(bench.search) is None
    assert bench.digests == len(bench.search.keyring.keys) * (2**tried - 1)
    if count <= 9:
        hit = Bench((*FOURS[1:3], OWN), FOURS[:count])
        assert stages.few(hit.search) is not None


def test_what_orders_and_slips_cost() -> None:
    bench = Bench(supplied=FOURS[:4])
    assert stages.orders(bench.search) is None
    likely = len(bench.search.keyring.likely)
    first = likely * len(sets.arrangements(bench.search.pool, OWN))
    assert bench.digests == first
    assert stages.mistyped(bench.search) is None
    assert bench.digests == first + likely * len(sets.mistyped(bench.search.pool))


@pytest.mark.parametrize(("count", "tried"), [(9, 0), (10, 10), (12, 12)])
def test_what_a_few_out_of_many_cost(count: int, tried: int) -> None:
    bench = Bench(supplied=FOURS[:count])
    assert stages.small(bench.search) is None
    each = sum(math.comb(count, size) for size in range(2, count - 1)) if tried else 0
    assert bench.digests == len(bench.search.keyring.likely) * each


def test_a_few_out_of_very_many_end_where_there_are_too_many() -> None:
    many = tuple(bytes((10, 1, 0, n)) for n in range(1, 61))
    bench = Bench(supplied=many)
    assert stages.small(bench.search) is None
    each = math.comb(60, 2) + math.comb(60, 3) + math.comb(60, 58)
    assert bench.digests == len(bench.search.keyring.likely) * each
    for signed in (
        many[10:12],
        (many[3], many[30], many[59]),
        (*many[:7], *many[8:40], *many[41:]),
    ):
        hit = Bench(signed, many)
        found = stages.small(hit.search)
        assert found is not None
        assert found.addresses == signed
    short = Bench(supplied=many, most=1000)
    assert stages.small(short.search) is None
    assert short.digests == math.comb(60, 2)


def test_what_a_stranger_costs() -> None:
    bench = Bench(supplied=FOURS[:1], networks=(bytes((192, 0, 2, 7)),))
    assert stages.stranger(bench.search) is None
    bases = len(sets.bases(bench.search.pool))
    hosts = 2 * 256 - 1  # two networks, of which one address is known
    assert bench.digests == len(bench.search.keyring.likely) * bases * hosts
    for strange in (bytes((192, 0, 2, 0)), bytes((192, 0, 2, 255)), bytes((10, 0, 0, 77))):
        hit = Bench(in_order((FOURS[0], strange)), FOURS[:1], networks=(bytes((192, 0, 2, 7)),))
        found = stages.stranger(hit.search)
        assert found is not None
        assert found.unsupplied == (strange,)
    six = SIXES[0][:15] + b"\xfe"
    hit = Bench((six,), SIXES[:1])
    found = stages.stranger(hit.search)
    assert found is not None
    assert found.unsupplied == (six,)
    short = Bench(supplied=FOURS[:1], most=10)
    assert stages.stranger(short.search) is None
    assert short.digests == 255


def test_what_every_subset_costs() -> None:
    bench = Bench(supplied=FOURS[:5])
    assert stages.subsets(bench.search) is None
    likely = len(bench.search.keyring.likely)
    assert bench.digests == likely * (2**6 - 1), "five and the interface's own"
    assert bench.outcome.limits == []
    turned = Bench(supplied=FOURS[4::-1])
    assert stages.subsets(turned.search) is None
    assert turned.digests == likely * 2 * (2**6 - 1), "ascending and as given"
    for count, ways in ((11, 2), (12, 1)):
        most = Bench(supplied=FOURS[count - 1 :: -1])
        assert stages.subsets(most.search) is None
        assert most.digests == likely * ways * (2 ** (count + 1) - 1)


def test_what_was_only_seen_joins_while_there_are_few() -> None:
    bench = Bench(supplied=FOURS[:2], learned=FOURS[10:20])
    assert stages.subsets(bench.search) is None
    assert bench.digests == len(bench.search.keyring.likely) * (2**13 - 1)
    assert bench.outcome.limits == []
    more = Bench(supplied=FOURS[:2], learned=FOURS[10:21])
    assert stages.subsets(more.search) is None
    assert more.digests == len(more.search.keyring.likely) * (2**13 - 1), "ten of them"
    assert more.outcome.limits == [
        (
            "13 candidate addresses: those only seen in ARP or neighbour discovery were tried "
            "alone, a few at a time, and each with all the others"
        )
    ]


def test_of_many_none_that_was_only_seen_joins() -> None:
    bench = Bench(supplied=FOURS[:13], learned=FOURS[20:21])
    assert stages.subsets(bench.search) is None
    assert bench.digests == len(bench.search.keyring.likely) * (2**14 - 1)
    assert bench.outcome.limits[0].startswith("14 candidate addresses: those only seen in ARP")


def test_its_own_address_is_not_taken_twice() -> None:
    bench = Bench(supplied=(FOURS[0], OWN))
    assert stages.subsets(bench.search) is None
    assert bench.digests == len(bench.search.keyring.likely) * (2**2 - 1)


@pytest.mark.parametrize(("most", "first"), [(128, 6), (64, 5), (32, 4), (1, 1)])
def test_how_many_addresses_the_room_is_for(most: int, first: int) -> None:
    """Two keys share it: the candidate, and none."""
    bench = Bench(supplied=FOURS[:5], most=most)
    assert stages.subsets(bench.search) is None
    told = (
        f"5 candidate addresses with 2 passphrases: every subset of the first {first} was tried, "
        "of all of them a few at a time"
    )
    assert bench.outcome.limits == ([told] if first < 5 else [])


def test_all_but_two_are_for_more_than_every_subset_is() -> None:
    bench = Bench(supplied=FOURS[:20])
    assert stages.small(bench.search) is None
    each = sum(math.comb(20, size) for size in range(2, 7))
    assert bench.digests == len(bench.search.keyring.likely) * each


def test_subsets_of_too_many_say_so() -> None:
    bench = Bench((*FOURS[2:5],), FOURS[:22], most=1 << 22)
    assert stages.subsets(bench.search) is not None
    assert bench.outcome.limits == [
        (
            "22 candidate addresses: every subset of the first 20 was tried, of all of them a few "
            "at a time"
        )
    ]
    words = tuple(b"word %d" % n for n in range(15))
    bench = Bench((*FOURS[2:5],), FOURS[:22], words=(WORD, *words), most=1 << 14)
    assert stages.subsets(bench.search) is not None
    # 16 and the empty one share the room: 963 digests each, of nine addresses
    assert bench.outcome.limits == [
        (
            "22 candidate addresses with 17 passphrases: every subset of the first 9 was tried, of "
            "all of them a few at a time"
        )
    ]


def test_subsets_behind_each_link_layer_address() -> None:
    mac = bytes.fromhex("02aabbccddee")
    bench = Bench(supplied=FOURS[:14], macs=(mac,))
    assert stages.subsets(bench.search) is None
    likely = len(bench.search.keyring.likely)
    assert bench.digests == likely * (2**15 - 1 + 2**12 - 1)
    hit = Bench((FOURS[3], FOURS[7]), FOURS[:14], lladdr=mac, macs=(mac,))
    found = stages.subsets(hit.search)
    assert found is not None
    assert found.lladdr == mac


@pytest.mark.parametrize(("count", "tried"), [(6, False), (7, True)])
def test_orders_of_a_few_more(count: int, *, tried: bool) -> None:
    bench = Bench(supplied=FOURS[:count])
    assert stages.rearranged(bench.search) is None
    every = sum(math.perm(count, k) for k in range(1, count + 1))
    assert bench.digests == (len(bench.search.keyring.likely) * every if tried else 0)
    assert bench.outcome.limits == []
    if tried:
        signed = (FOURS[6], FOURS[0], FOURS[3])
        hit = Bench(signed, FOURS[:count])
        found = stages.rearranged(hit.search)
        assert found is not None
        assert found.addresses == signed


def test_orders_of_nine_are_left_out_and_that_is_said() -> None:
    bench = Bench(supplied=FOURS[:9])
    assert stages.rearranged(bench.search) is None
    assert bench.digests == 0
    assert bench.outcome.limits == [
        (
            "9 candidate addresses: ascending order and the order given were tried, any order only "
            "for up to 8"
        )
    ]


def test_what_two_strangers_cost() -> None:
    bench = Bench(supplied=FOURS[:1], networks=(bytes((192, 0, 2, 7)), bytes((198, 51, 100, 1))))
    assert stages.pairs(bench.search) is None
    each = sum(range(254))  # of 254 hosts each pair once
    assert bench.digests == 2 * each, "beside nothing and beside what was supplied"
    for pair in ((1, 2), (1, 254), (253, 254)):
        signed = tuple(bytes((192, 0, 2, host)) for host in pair)
        for rest in ((), FOURS[:1]):
            hit = Bench(in_order((*rest, *signed)), FOURS[:1], networks=(bytes((192, 0, 2, 7)),))
            found = stages.pairs(hit.search)
            assert found is not None
            assert found.unsupplied == signed
    assert stages.pairs(Bench(networks=(SIXES[0],)).search) is None


def test_a_search_that_is_cut_short_says_after_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = sample((STRANGE, FOURS[1]))
    monkeypatch.setattr("carpscope.auth.explain.SEARCH_DIGESTS", 20_000)  # not four million
    found = explain(asked, Keyring([WORD]), Candidates(FOURS[:9]), Effort())
    assert found.recipe is None
    (told,) = found.limits
    assert told.startswith(f"search limit reached after {found.digests:,} digests: ")
    assert 20_000 <= found.digests < 80_000
    effort = Effort(1000)
    found = explain(asked, Keyring([WORD]), Candidates(FOURS[:9]), effort)
    assert found.limits == [CUT]
    first = len(Keyring([WORD]).keys) * len(sets.usual(sets.pool(Candidates(FOURS[:9])), OWN))
    few = len(Keyring([WORD]).keys) * (2**10 - 1)
    assert found.digests == first + few > 1000 > first, "what was begun comes to its end"


def test_a_search_ends_with_the_stage_that_takes_the_last_of_its_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys, candidates = Keyring([WORD]), Candidates(FOURS[:3])
    cost = len(keys.keys) * len(sets.usual(sets.pool(candidates), OWN))
    monkeypatch.setattr("carpscope.auth.explain.SEARCH_DIGESTS", cost)
    asked = sample((STRANGE, FOURS[1]))
    found = explain(asked, keys, candidates, stages=(stages.usual, stages.few))
    assert found.digests == cost, "the next is not begun"
    assert len(found.limits) == 1


def test_what_an_earlier_stage_left_out_is_forgotten_once_it_is_found() -> None:
    order = (stages.rearranged, stages.usual)
    found = explain(sample(FOURS[:9]), Keyring([WORD]), Candidates(FOURS[:9]), stages=order)
    assert found.recipe is not None
    assert found.limits == []


def test_what_is_found_leaves_no_limits() -> None:
    found = explain(
        sample((FOURS[21], STRANGE[:3] + b"\1")),
        Keyring([WORD]),
        Candidates(FOURS[:22], networks=(STRANGE,)),
    )
    assert found.recipe is not None
    assert found.limits == []
    pair = (bytes((192, 0, 2, 7)), bytes((192, 0, 2, 8)))
    late = explain(sample(pair), Keyring([WORD]), Candidates(FOURS[:9], networks=pair[:1]))
    assert late.recipe is not None
    assert late.limits == [], "any order of nine was not tried, and need not be"
