"""What is true of a recording: labels from what was configured, done and logged.

No packet is looked at. Who was MASTER when comes from ucarp's own log; a killed process stops being
one when it was killed.
"""

from collections.abc import Iterator

from captures.record.election import Group
from captures.record.label import Label
from captures.record.master_periods import member_of, overlaps, running
from captures.record.plan import Attack, Chronicle, Story


def labels(story: Story, chronicle: Chronicle) -> list[Label]:
    found: list[Label] = list(_imposed(story, chronicle))
    for vhid, vlan in sorted({(u.vhid, h.vlans) for h in story.hosts for u in h.ucarps}):
        members = [
            member_of(host, options, chronicle, story)
            for host in story.hosts
            for options in host.ucarps
            if options.vhid == vhid and host.vlans == vlan
        ]
        group = Group(vhid, vlan, members, chronicle, found)
        found += group.configured()
        found += group.mangled()
        found += group.split_brains()
        found += group.changes()
        found += group.gaps()
        found += group.flapping()
    found += _vrrp_conflicts(story, chronicle)
    if not found:
        cause = "nothing happens"
        found = [
            Label(
                label="none",
                kind="none",
                start=chronicle.begin,
                end=chronicle.end,
                nodes=(),
                cause=cause,
            )
        ]
    return sorted(found, key=lambda label: (label.start, label.label))


def _imposed(story: Story, chronicle: Chronicle) -> Iterator[Label]:
    """What was done to the LAN from outside: cuts and attacks."""
    finishes = {"cut": "heal", "split": "join"}
    for moment in chronicle.moments:
        if moment.kind in finishes:
            end = next(
                (
                    later.at
                    for later in chronicle.moments
                    if later.kind == finishes[moment.kind] and later.at > moment.at
                ),
                chronicle.end,
            )
            one_way = moment.kind == "cut"
            here, there = moment.host, moment.other
            yield Label(
                label="one_way_link" if one_way else "partition",
                kind="problem",
                start=moment.at,
                end=end,
                nodes=(here, there),
                cause=moment.text,
                more={"from": [here], "to": [there]} if one_way else {"sides": [[here], [there]]},
            )
    for action in story.actions:
        if isinstance(action, Attack):
            yield _attack_label(story, chronicle, action)


def _attack_label(story: Story, chronicle: Chronicle, attack: Attack) -> Label:
    """From the first to the last frame that the attacker says it sent."""
    sent = [m for m in chronicle.moments if m.kind == "inject" and m.host == attack.host]
    if not sent:
        raise RuntimeError("the attacker sent nothing")
    forged = attack.advskew is not None
    return Label(
        label="forged_skew" if forged else "replayed_advert",
        kind="problem",
        start=sent[0].at,
        end=sent[-1].at,
        nodes=(attack.host,),
        vhid=story.host(attack.victim).ucarps[0].vhid,
        cause=_attack_cause(attack),
        # The counter and HMAC of a forged advertisement are an earlier one's as well.
        accept=("replayed_advert",) if forged else (),
        more={"impersonates": attack.victim, "injected": len(sent)},
    )


def _attack_cause(attack: Attack) -> str:
    if attack.advskew is None:
        return f"recorded advertisement of {attack.victim} sent again unchanged"
    source = "the attacker's source address" if attack.own_address else "the same source address"
    return (
        f"recorded advertisement of {attack.victim} sent again with advskew {attack.advskew}"
        f" and {source}"
    )


def _vrrp_conflicts(story: Story, chronicle: Chronicle) -> Iterator[Label]:
    """VRRP routers whose id is the vhid of a ucarp on the same segment: one label for each id."""
    for vrid, vlan in sorted({(v.vrid, h.vlans) for h in story.hosts for v in h.vrrps}):
        here = [host for host in story.hosts if host.vlans == vlan]
        routers = [h for h in here if any(router.vrid == vrid for router in h.vrrps)]
        nodes = [h for h in here if any(ucarp.vhid == vrid for ucarp in h.ucarps)]
        both = [
            span
            for router in routers
            for node in nodes
            for span in overlaps(running(chronicle, router.name), running(chronicle, node.name))
        ]
        if both:
            names = [host.name for host in routers]
            yield Label(
                label="vrrp_vrid_conflict",
                kind="problem",
                start=min(start for start, _ in both),
                end=max(end for _, end in both),
                nodes=(*names, *(host.name for host in nodes)),
                vhid=vrid,
                vlan=vlan,
                cause=f"{' and '.join(names)} speak VRRP with the same id",
            )
