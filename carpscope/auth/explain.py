"""Which key and which addresses produce a digest: the search, from cheap to dear.

One advertisement decides: 160 bits do not fit by chance. The order is what people
configure, then what they get wrong:

1. everything supplied, everything announced, each address alone, all but one, one family,
   with and without link-local, no address: under every key, mistaken ones too;
2. every subset of few addresses, under every key;
3. other orders: any for up to six addresses, as given for more (FreeBSD 5, DragonFly);
4. one address mistyped (`auth.typing_mistakes`);
5. one address nobody supplied, from the /24 of the node and of the candidates;
6. a few out of very many; every subset of up to twenty, also behind OpenBSD's link-layer
   address;
7. any order of up to eight addresses;
8. two addresses nobody supplied.
"""

from carpscope.auth.effort import QUESTION_DIGESTS, SEARCH_DIGESTS, Effort
from carpscope.auth.keyring import Keyring
from carpscope.auth.question import Candidates, Outcome, Sample
from carpscope.auth.recipes import Recipe
from carpscope.auth.search import Search
from carpscope.auth.stages import ALL, DEAR, FIRST, QUICK, Stage

CUT = "search limit of this run reached: fewer passphrases or addresses let it go further"


def explain(
    sample: Sample,
    keyring: Keyring,
    candidates: Candidates,
    effort: Effort | None = None,
    *,
    stages: tuple[Stage, ...] = ALL,
) -> Outcome:
    """Find the recipe that explains a sample, or say what was not tried.

    `FIRST` are the steps 1 and 2 only, `QUICK` 1 to 4: what takes milliseconds.
    """
    effort = effort or Effort()
    outcome = Outcome()
    most = min(SEARCH_DIGESTS, effort.room)
    if most:
        effort.spend(QUESTION_DIGESTS)
    search = Search(sample, keyring, candidates, outcome, effort, most)
    for stage in stages:
        if outcome.digests >= most:
            break
        outcome.recipe = stage(search)
        if outcome.recipe is not None:
            outcome.limits.clear()
            return outcome
    if effort.room == 0:
        outcome.limits.append(CUT)
    elif outcome.digests >= most:
        outcome.limits.append(
            f"search limit reached after {outcome.digests:,} digests: "
            "fewer passphrases or addresses let it go further"
        )
    return outcome


__all__ = [
    "ALL",
    "CUT",
    "DEAR",
    "FIRST",
    "QUICK",
    "Candidates",
    "Outcome",
    "Recipe",
    "Sample",
    "Stage",
    "explain",
]
