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

from carpscope.core.address import ip_text
from carpscope.detect import commands
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.signing import SignedWatch, address_differences, make, people
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
        kernels = [node for node in people(found) if node is not ucarp]
        names = listed(node.id for node in kernels)
        several = len(kernels) > 1
        extra = [a for a in theirs.addresses if a not in mine.addresses]
        moves = [f"on {n.id}: {commands.to_move(n, address)}" for n in kernels for address in extra]
        starts = [f"ucarp --vhid=N --addr={ip_text(a)} …" for a in extra if len(a) == 4]
        if starts:
            moves.append(f"on {ucarp.id}, beside the process that runs: {'; '.join(starts)}")
        return make(
            found,
            (RULE.code, RULE.label, RULE.severity),
            f"{ucarp.id} is a ucarp and signs {addresses(mine.addresses)} alone; the kernel "
            f"node{'s' if several else ''} {names} sign{'' if several else 's'} also "
            f"{addresses(extra)}",
            f"{address_differences(found)} ucarp signs exactly one IPv4 address, whatever its "
            "scripts configure, so neither accepts the other and both are MASTER.",
            f"Use one vhid for each address; N is one that is free. {'; '.join(moves)}.",
        )


RULE = Rule(
    "CS401",
    "ucarp_kernel_address_incompat",
    "ucarp cannot sign what the kernels sign",
    Severity.ERROR,
    UcarpAmongKernels,
    plain="{who} run programs that cannot agree on how their messages are protected",
)
