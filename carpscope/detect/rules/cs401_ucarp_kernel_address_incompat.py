"""A ucarp signs one address in a group where kernel nodes sign several.

What it means
    ucarp can sign exactly one IPv4 address, whatever its scripts configure. A kernel node
    signs all addresses of the vhid. With two or more they never authenticate each other,
    and both become MASTER.

How it is seen
    One node has ucarp's source MAC 00:00:5e:00:00:vhid and its HMACs fit one address; a
    kernel node's fit several.

False alarms
    None known: the source MAC is ucarp's alone.

What to do
    Use one vhid for each address, on the kernel nodes too, and one ucarp process for each.
    Or replace ucarp.

Sources
    ucarp src/carp.c carp_hmac_prepare (one address); FreeBSD ip_carp.c carp_hmac_prepare.
"""

from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.signed import SignedWatch, address_differences, make, people
from carpscope.detect.words import addresses, listed
from carpscope.timeline.signing import Disagreement


class UcarpAmongKernels(SignedWatch):
    """Finds ucarp nodes that cannot sign what the kernels sign."""

    def concerns(self, disagreement: Disagreement) -> bool:
        """Tell whether one of the two is a ucarp with one address."""
        return disagreement.ucarp is not None

    def finding(self, found: list[Disagreement]) -> Finding:
        """Name both sides."""
        first = found[0]
        assert first.ucarp is not None
        assert first.recipe_one is not None
        assert first.recipe_other is not None
        ucarp = first.ucarp
        mine, theirs = first.recipe_one, first.recipe_other
        if ucarp is first.other:
            mine, theirs = theirs, mine
        kernels = [node.id for node in people(found) if node is not ucarp]
        return make(
            found,
            (RULE.code, RULE.label, RULE.severity),
            f"{ucarp.id} is a ucarp and signs {addresses(mine.addresses)} alone; "
            f"the kernel node{'s' if len(kernels) > 1 else ''} {listed(kernels)} also "
            f"{addresses(a for a in theirs.addresses if a not in mine.addresses)}",
            address_differences(found) + " ucarp cannot sign more than one address.",
            f"Use one vhid for each of {addresses(theirs.addresses)} on all nodes, with one ucarp "
            f"process for each vhid.",
        )


RULE = Rule(
    "CS401",
    "ucarp_kernel_address_incompat",
    "ucarp cannot sign what the kernels sign",
    Severity.ERROR,
    UcarpAmongKernels,
)
