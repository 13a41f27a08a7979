"""The nodes of a group use different passphrases.

What it means
    Each refuses what the other sends, and each becomes MASTER.

How it is seen
    Both nodes' HMACs are explained, over the same addresses, by different candidates: two
    passphrases supplied, or one and what people make of it (a trailing newline or CR from a
    file, quotes kept, case, another encoding, cut at 19 or 20 bytes), or the empty one.

False alarms
    While a passphrase is being rotated node by node this is a passing state.

What to do
    Enter the same passphrase on every node, at most 19 bytes of plain ASCII.

Sources
    CARP_KEY_LEN 20 in all kernels, ifconfig's copy of 19, ucarp.c's refusal of 20.
"""

from carpscope.auth.keyring import AS_DEBIAN, AS_GUIS, CandidateKey
from carpscope.auth.recipes import Recipe
from carpscope.detect import commands
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.signing import (
    HalfDone,
    SignedWatch,
    ended,
    half_done,
    make,
    odd_one,
    people,
    share_addresses,
)
from carpscope.detect.words import addresses, listed
from carpscope.timeline.signing import Difference, Disagreement

ORIGINS = {
    "newline": "A file or a here-document ends with a newline, and something read it whole: "
    "echo writes one, printf '%s' does not.",
    "carriage return": "The file has the line ends of DOS: ucarp reads a passfile up to the "
    "newline and keeps the CR.",
    "quotes kept": "A configuration file's quotes were taken as part of the passphrase.",
    "without its quotes": "The candidate has quotes around it that the node does not have.",
    "pfSense": "These systems remove spaces from what is typed and put a backslash before quotes "
    "and backslashes; ifconfig is given the result.",
    "first space": "Debian's script passes the passphrase to ucarp without quotes: what follows "
    "the first space is lost.",
    "without its spaces": "Something removed the spaces of what was typed.",
    "backslash": "Something put backslashes before quotes, as addslashes() does, or took them "
    "away.",
    "space": "A space was typed or pasted with it.",
    "byte order mark": "A Windows editor puts three bytes before a text in UTF-8.",
    "Latin-1": "One side takes the letters beyond ASCII in another encoding.",
    "UTF-8": "One side takes the letters beyond ASCII in another encoding.",
    "Unicode form": "One system composes letters beyond ASCII, another takes them apart.",
    "case": "The case of the letters differs: passphrases keep it.",
    "letter": "The case of a letter differs: passphrases keep it.",
    "all 20 bytes": "ifconfig cuts at 19 bytes without a word; netlink and ioctl take 20.",
}
"""What a mistake with this word in its name comes from."""


class Passphrases(SignedWatch):
    """Finds nodes of one address set with different passphrases."""

    def concerns(self, disagreement: Disagreement) -> bool:
        """Tell whether the passphrase differs (or both do, within one cluster)."""
        if disagreement.difference is Difference.BOTH:
            return share_addresses(disagreement)
        return disagreement.difference is Difference.PASSPHRASE

    def finding(self, found: list[Disagreement]) -> Finding:
        """Name which candidate each node uses, never its text."""
        keys: dict[str, CandidateKey] = {}
        signed: dict[str, tuple[bytes, ...]] = {}
        for d in found:
            for node, recipe in d.sides:
                if recipe is not None:
                    keys[node.id] = recipe.key
                    signed[node.id] = recipe.addresses
        half = half_done(found)
        told = listed(f"{node} uses {key.label}" for node, key in keys.items())
        if len(set(signed.values())) == 1:
            sets = (
                f"All sign {addresses(next(iter(signed.values())))}; only the passphrase differs."
            )
        else:
            sets = "The addresses they sign differ as well."
        reasons = dict.fromkeys(origin for key in keys.values() if (origin := _origin(key)))
        return make(
            found,
            (RULE.code, RULE.label, RULE.severity),
            f"{_still(half, half.now, keys) if half and half.now else told}; "
            "each refuses the other",
            " ".join([sets, *reasons]),
            _finish(half, half.now, ended(found, self._context.observer.now))
            if half and half.now
            else _remedy(found, keys),
        )


def _still(half: HalfDone, now: Recipe, keys: dict[str, CandidateKey]) -> str:
    stays = listed(f"{node.id} still uses {keys[node.id].label}" for node in half.others)
    return f"{half.changed.id} now uses {now.key.label}, {stays}"


def _finish(half: HalfDone, now: Recipe, unless: str) -> str:
    """Say on which node the rotation is still to be done."""
    names = listed(node.id for node in half.others)
    how = dict.fromkeys(commands.to_set_passphrase(node, now.vhid) for node in half.others)
    when = f", {unless}" if unless else ""
    return (
        f"Finish the rotation{when}: set {now.key.label} on {names}: {' or '.join(how)}. Or set on "
        f"{half.changed.id} what it used before."
    )


def _origin(key: CandidateKey) -> str:
    if key.is_empty:
        return "Without a passphrase the key is all zeros, which everybody can sign with."
    return next((text for word, text in ORIGINS.items() if word in key.variant), "")


def _remedy(found: list[Disagreement], keys: dict[str, CandidateKey]) -> str:
    """Say on which node to enter it again: the one that has a mistake, or stands alone."""
    vhid = found[0].group.vhid
    nodes = {node.id: node for node in people(found)}
    wrong = [name for name, key in keys.items() if key.variant != "as given"]
    odd = odd_one(found)
    tools = _tools(keys)
    if tools:
        how = dict.fromkeys(commands.to_set_passphrase(node, vhid) for node in nodes.values())
        return (
            f"Set a passphrase without spaces, quotes and backslashes on {listed(nodes)}, at most "
            f"19 bytes of plain ASCII: {' or '.join(how)}. {tools}"
        )
    if wrong and len(wrong) < len(keys):
        number = next(key.number for name, key in keys.items() if name not in wrong)
        what = f"Enter passphrase #{number} again on {listed(wrong)}"
    elif odd is not None:
        number = next(key.number for name, key in keys.items() if name != odd.id)
        wrong, what = [odd.id], f"Set passphrase #{number} on {odd.id}, as the others have it"
    else:
        wrong = list(keys)
        what = f"Decide which one is right and set it on the other of {listed(wrong)}"
    how = dict.fromkeys(commands.to_set_passphrase(nodes[name], vhid) for name in wrong)
    return f"{what}, at most 19 bytes of plain ASCII: {' or '.join(how)}."


def _tools(keys: dict[str, CandidateKey]) -> str:
    """Say which systems would change it again however often it is entered."""
    told = [
        f"{name} signs passphrase #{key.number} {key.variant}"
        for name, key in keys.items()
        if key.variant.startswith((AS_GUIS, AS_DEBIAN))
    ]
    return f"{listed(told)}: entered again there it is changed again." if told else ""


RULE = Rule(
    "CS202",
    "passphrase_mismatch",
    "Passphrases differ",
    Severity.ERROR,
    Passphrases,
    plain="{who} are set up with different passphrases",
)
