"""Kinds of captures in which nodes are set up differently, or too much alike."""

from tests.score.draft import KERNELS, OPENBSD, Draft, is_ucarp
from tests.score.faults import partition
from tests.score.healthy import crash


def address_initial(draft: Draft) -> None:
    """A node has one address more, less, or another one."""
    node = draft.random.choice(draft.nodes)["vhids"][0]
    key = "ipv4" if node["ipv4"] else "ipv6"
    extra = f"{node['ipv4'][0].rpartition('.')[0]}.99" if key == "ipv4" else "2001:db8:1::abcd"
    match draft.random.choice(("more", "less", "other")):
        case "less" if len(node[key]) > 1:
            node[key].pop()
        case "other":
            node[key][-1] = extra
        case _:
            node[key].append(extra)


def address_midrun(draft: Draft) -> None:
    """An address is added on one node, and perhaps later on the others."""
    length = draft.wait + draft.random.uniform(8, 25)
    at = draft.reserve(length)
    first = draft.random.choice(draft.names)
    ipv4 = draft.nodes[0]["vhids"][0]["ipv4"]
    value = f"{ipv4[0].rpartition('.')[0]}.66" if ipv4 else "2001:db8:1::66"
    heals = draft.random.random() < 0.5
    for name in draft.names:
        if name == first:
            draft.add(at, "add_addr", node=name, vhid=draft.vhid, value=value)
        elif heals:
            draft.add(at + length, "add_addr", node=name, vhid=draft.vhid, value=value)


def address_link_local(draft: Draft) -> None:
    """A link-local address is shared, which OpenBSD does not sign."""
    for node in draft.nodes:
        node["vhids"][0]["ipv6"].append("fe80::35c")
    if not any(node["impl"] in OPENBSD for node in draft.nodes):
        draft.nodes[-1]["impl"] = "openbsd"
        draft.nodes[-1]["hz"] = 100


def passphrase_initial(draft: Draft) -> None:
    """One node has another passphrase."""
    group = draft.random.choice(draft.nodes)["vhids"][0]
    text = group["passphrase"]
    group["passphrase"] = draft.random.choice((f"bad{text}", text[:-2], text.upper(), "Wrong-one"))


def passphrase_midrun(draft: Draft) -> None:
    """The passphrase is changed on one node, later on the others."""
    length = draft.wait + draft.random.uniform(5, 20)
    at = draft.reserve(length)
    first = draft.random.choice(draft.names)
    value = "new-" + draft.nodes[0]["vhids"][0]["passphrase"]
    for name in draft.names:
        when = at if name == first else at + length
        draft.add(when, "set_pass", node=name, vhid=draft.vhid, value=value)


def ucarp_beside_kernel(draft: Draft) -> None:
    """A kernel node has two addresses, ucarp signs one of them."""
    if all(is_ucarp(node["impl"]) for node in draft.nodes):
        draft.nodes[0] |= {"impl": draft.random.choice(KERNELS), "hz": 100}
        draft.nodes[0].pop("capture_delivery", None)
        draft.nodes[0]["first_tick_us"] %= 10_000
    elif not any(is_ucarp(node["impl"]) for node in draft.nodes):
        draft.nodes[-1] |= {"impl": "ucarp", "callout_slack": 0}
    shared = draft.nodes[0]["vhids"][0]["ipv4"][0]
    extra = f"{shared.rpartition('.')[0]}.98"
    for node in draft.nodes:
        single = is_ucarp(node["impl"])
        node["vhids"][0]["ipv6"] = []
        node["vhids"][0]["ipv4"] = [shared] if single else [shared, extra]


def advbase(draft: Draft) -> None:
    """The master of a long advbase meets a node of a short one."""
    draft.node("A")["vhids"][0]["advbase"] = draft.random.choice((4, 5))
    for node in draft.nodes[1:]:
        node["vhids"][0]["advbase"] = 1
        node["preempt"] = draft.random.random() < 0.5
    draft.clear = 20
    at = draft.reserve(20)
    for node in draft.nodes[1:]:
        node["start"] = round(at + draft.random.uniform(0, 1), 3)


# ---- equal


def equal(draft: Draft) -> None:
    """All nodes have the same advskew and start together."""
    _alike(draft)
    if draft.random.random() < 0.5:
        crash(draft)


def equal_partition(draft: Draft) -> None:
    """Equal nodes are parted and meet again."""
    _alike(draft)
    partition(draft)


def equal_livelock(draft: Draft) -> None:
    """Equal nodes on a slow LAN claim and yield together, over and over."""
    impl = draft.random.choice(("freebsd13", "freebsd13", "freebsd9", "netbsd", "openbsd"))
    _alike(draft)
    for node in draft.nodes:
        node |= {"impl": impl, "hz": 100, "callout_slack": 0, "start": 0.2, "first_tick_us": 77}
        node.pop("capture_delivery", None)
    for delay in draft.delays:
        delay["delay_us"] += 9000


def _alike(draft: Draft) -> None:
    skew = draft.random.choice((0, 30, 50, 60))
    start = draft.random.uniform(0.1, 1)
    for node in draft.nodes:
        node["vhids"][0]["advskew"] = skew
        node["start"] = round(start + draft.random.choice((0, 0, 0.01, 0.02, 0.5)), 3)
