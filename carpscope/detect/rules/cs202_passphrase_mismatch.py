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

from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.signed import SignedWatch, make
from carpscope.detect.words import addresses, listed
from carpscope.timeline.signing import Difference, Disagreement


class Passphrases(SignedWatch):
    """Finds nodes of one address set with different passphrases."""

    def concerns(self, disagreement: Disagreement) -> bool:
        """Tell whether the passphrase differs (or both do, within one cluster)."""
        if disagreement.difference is Difference.BOTH:
            a, b = disagreement.recipe_one, disagreement.recipe_other
            assert a is not None
            assert b is not None
            return bool(a.address_set & b.address_set)
        return disagreement.difference is Difference.PASSPHRASE

    def finding(self, found: list[Disagreement]) -> Finding:
        """Name which candidate each node uses, never its text."""
        keys: dict[str, str] = {}
        odd = ""
        signed: tuple[bytes, ...] = ()
        for d in found:
            for node, recipe in ((d.one, d.recipe_one), (d.other, d.recipe_other)):
                if recipe is None:
                    continue
                keys.setdefault(node.id, recipe.key.label)
                signed = signed or recipe.addresses
                if recipe.key.variant not in ("as given", "empty"):
                    odd = f" On {node.id} it was entered {recipe.key.variant}."
        told = listed(f"{node} uses {key}" for node, key in keys.items())
        return make(
            found,
            (RULE.code, RULE.label, RULE.severity),
            f"{told}; each refuses the other",
            f"All sign {addresses(signed)}, but {told}.{odd}",
            f"Enter the same passphrase on {listed(keys)}, at most 19 bytes of plain ASCII.",
        )


RULE = Rule("CS202", "passphrase_mismatch", "Passphrases differ", Severity.ERROR, Passphrases)
