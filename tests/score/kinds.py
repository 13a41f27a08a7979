"""Kinds of captures, and which of them a seed gets: a third is healthy, some have two troubles."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.score import faults, healthy, setups
from tests.score.draft import INTERFACES, KERNELS, OPENBSD, SIX, Draft, drafted, is_ucarp


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of capture."""

    name: str
    add: Callable[[Draft], None]
    wants: dict[str, Any] = field(default_factory=dict)
    """Keywords of `drafted`."""


HEALTHY = (
    Kind("steady", healthy.steady),
    Kind("crash", healthy.crash),
    Kind("link", healthy.link),
    Kind("bowout", healthy.bowout, {"first": INTERFACES}),
    Kind("maintenance", healthy.maintenance, {"first": KERNELS}),
    Kind("late", healthy.late),
    Kind("stays", healthy.stays),
    Kind("backup-restart", healthy.backup_restart),
    Kind("boot-demotion", healthy.boot_demotion, {"first": OPENBSD, "only": OPENBSD}),
    Kind("skew-change", healthy.skew_change, {"only": KERNELS}),
    Kind("two-vhids", healthy.two_vhids, {"only": KERNELS}),
    Kind("six", healthy.crash, {"families": "6", "only": SIX}),
    Kind("dual", healthy.crash, {"families": "46", "only": SIX}),
)
PROBLEMS = (
    Kind("address-initial", setups.address_initial, {"only": KERNELS}),
    Kind("address-midrun", setups.address_midrun, {"only": KERNELS}),
    Kind("address-six", setups.address_initial, {"families": "6", "only": SIX}),
    Kind("address-link-local", setups.address_link_local, {"families": "46", "only": SIX}),
    Kind("passphrase-initial", setups.passphrase_initial),
    Kind("passphrase-midrun", setups.passphrase_midrun, {"only": KERNELS}),
    Kind("ucarp-kernel", setups.ucarp_beside_kernel, {"families": "4"}),
    Kind("advbase", setups.advbase),
    Kind("one-way-out", faults.one_way_out),
    Kind("one-way-back", faults.one_way_back),
    Kind("partition", faults.partition),
    Kind("loss", faults.loss),
    Kind("equal", setups.equal),
    Kind("equal-partition", setups.equal_partition),
    Kind("equal-livelock", setups.equal_livelock, {"only": KERNELS}),
    Kind("flap-link", faults.flap_link),
    Kind("flap-path", faults.flap_path),
    Kind("gap-all", faults.gap_all),
    Kind("gap-end", faults.gap_end),
    Kind("replay-gap", faults.replay_gap),
    Kind("replay-live", faults.replay_live),
    Kind("forge", faults.forge),
    Kind("forge-bow", faults.forge_bow),
)


def drawn(seed: int) -> tuple[str, Draft]:
    """Return the kind and the draft of a seed: a third is healthy, some have two troubles."""
    random = Random(seed)
    chosen = [random.choice(HEALTHY)] if random.random() < 0.34 else [random.choice(PROBLEMS)]
    if random.random() < 0.25:
        chosen.append(random.choice(PROBLEMS if chosen[0] in PROBLEMS else HEALTHY))
    wants: dict[str, Any] = {}
    for kind in reversed(chosen):
        wants |= kind.wants
    draft = drafted(random, **wants)
    for kind in chosen:
        if kind.wants.get("only") and any(is_ucarp(n["impl"]) for n in draft.nodes):
            continue  # another trouble brought a ucarp, which cannot be reconfigured
        kind.add(draft)
    draft.duration = max(draft.duration, int(min(draft.clear, 700)))
    return "+".join(kind.name for kind in chosen), draft
