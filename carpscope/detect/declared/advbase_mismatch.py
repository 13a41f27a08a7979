"""Members of a group will advertise at different intervals."""

from collections.abc import Iterator

from carpscope.detect.configured import DeclaredContext, SettledFinding, said, settled
from carpscope.detect.finding import Severity
from carpscope.detect.words import listed

LABEL = "advbase_mismatch"


def examine(settings: DeclaredContext, code: str) -> Iterator[SettledFinding]:
    """Compare advbase."""
    for group in settings.cluster.groups:
        members = [one for one in group.up if one.vhid.advbase is not None]
        bases = {one.vhid.advbase for one in members}
        if len(bases) < 2:
            continue
        skews = [(one.advskew, one.name) for one in members if one.advskew is not None]
        proof = settings.proof(group)
        lowest = min(skews)[1] if skews else ""
        other = proof is not None and bool(proof.masters) and proof.masters != (lowest,)
        names = dict.fromkeys(one.name for one in members)
        at = listed(str(one.vhid.at) for one in members)
        yield settled(
            code,
            LABEL,
            Severity.ERROR if other else Severity.WARNING,
            group.id,
            names,
            [one.vhid.at for one in members],
            f"{group.id}: {listed(names)} have different advbase",
            f"advbase/advskew: {listed(said(one) for one in members)}. A backup waits three times "
            "its own advbase, and advbase is compared before advskew: "
            + (
                f"{listed(proof.masters)} will be MASTER instead of {lowest}."
                if other and proof is not None
                else "a take-over takes as long as the slower one says."
            ),
            f"Write the same advbase on every node ({at}).",
        )
