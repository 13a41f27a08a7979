"""`step(node, event) -> (node, effects)`: the only code that changes a node.

No I/O, no clock, no random source: what happens comes in as an event, what the node
does goes out as effects. The simulator and the replay of captures call the same step.

    node = machine.node(setup)
    node, effects = step(node, Boot(at, draw))
    when, vhid, timer = node.next_timer()
    node, effects = step(node, TimerFired(when, draw, vhid, timer))

A node that waits (1 ms after an address announced, a script, a sleep) is busy until
`node.busy_until`; an event of an earlier time must be fed with that time.
"""

from typing import assert_never

from carpscope.core.address import GROUP4
from carpscope.protocol import operations, poll
from carpscope.protocol.checks import refusal
from carpscope.protocol.election import hear, master_down
from carpscope.protocol.events import (
    Accepted,
    AddressAdded,
    AddressRemoved,
    AllowChanged,
    AuxLinkChanged,
    Boot,
    CarpInterfaceChanged,
    Configured,
    Demoted,
    Drop,
    Dropped,
    Effect,
    Event,
    InterfaceChanged,
    LinkChanged,
    OutputChanged,
    QueueChanged,
    Reason,
    Received,
    ReceivedAdvert,
    Signalled,
    StateRequested,
    Timer,
    TimerFired,
)
from carpscope.protocol.node import NEVER, Node
from carpscope.protocol.profile import Drive, Passes
from carpscope.protocol.turn import Turn
from carpscope.protocol.work import Work


def step(node: Node, event: Event) -> tuple[Node, tuple[Effect, ...]]:
    """Let one event happen to a node."""
    if type(event) is Received:
        return _received(node, event)
    turn = Turn(node, event.at, event.draw)
    _other(turn, event)
    return turn.done()


def _received(node: Node, event: Received) -> tuple[Node, tuple[Effect, ...]]:
    packet = event.packet
    drop = refusal(node, packet, node.vhid(packet.vhid))
    if drop is not None and drop.is_silent:
        return node, ()
    passes = 1
    if node.setup.profile.passes is Passes.EACH_INTERFACE:
        passes = _copies(node, packet)
    if not passes:
        return node, ()
    if drop is not None and not _wakes(node):
        return node, (Dropped(event.at, drop, packet),) * passes
    turn = Turn(node, event.at, event.draw)
    for _ in range(passes):
        _packet(turn, packet, drop)
    return turn.done()


def _copies(node: Node, packet: ReceivedAdvert) -> int:
    """Count the carp interfaces that get a copy: those that are UP and have joined."""
    if not packet.multicast:
        return 1  # the parent's own address: no copies are made
    if packet.family == 6:
        return sum(1 for item in node.vhids if item.is_up and item.setup.ipv6)
    group = packet.destination or GROUP4
    return sum(
        1
        for item in node.vhids
        if item.is_up and item.setup.ipv4 and (item.setup.peer or GROUP4) == group
    )


def _wakes(node: Node) -> bool:
    return node.setup.profile.drive is Drive.POLL_LOOP


def _packet(turn: Turn, packet: ReceivedAdvert, drop: Drop | None) -> None:
    if turn.profile.drive is Drive.CALLOUTS:
        w = turn.work(packet.vhid)
        if w is not None:
            hear(turn, w, packet)
        return
    # every process on the interface is woken, also by packets it refuses; another's vhid is
    # worth a word at debug level only
    if drop not in (None, Drop.BAD_VHID):
        turn.effects.append(Dropped(turn.now, drop, packet))
    for w in turn.vhids:
        mine = w.setup.vhid == packet.vhid
        poll.wake(turn, w, packet if mine and drop is None else None)


def _other(turn: Turn, event: Event) -> None:
    loops = turn.profile.drive is Drive.POLL_LOOP
    match event:
        case TimerFired():
            w = turn.work(event.vhid)
            if w is not None:
                _timer(turn, w, event.timer)
        case Received() | Accepted():
            _packet(turn, event.packet, None)
        case Boot():
            if loops:
                poll.start(turn)
            else:
                operations.boot(turn)
        case LinkChanged():
            if loops:
                turn.link_up = event.up
            else:
                operations.link_changed(turn, event)
        case InterfaceChanged():
            if loops:
                turn.interface_up = event.up
            else:
                operations.interface_changed(turn, event)
        case AuxLinkChanged():
            operations.aux_link_changed(turn, event)
        case AllowChanged():
            operations.allow_changed(turn, event)
        case Demoted():
            if not loops:
                operations.demoted(turn, event)
        case OutputChanged():
            turn.output_works = event.working
        case QueueChanged():
            turn.queue_full = event.full
        case Signalled():
            if loops:
                for w in turn.vhids:
                    if event.vhid in (None, w.setup.vhid):
                        poll.signalled(turn, w)
        case (
            CarpInterfaceChanged()
            | Configured()
            | AddressAdded()
            | AddressRemoved()
            | StateRequested()
        ):
            w = turn.work(event.vhid)
            if w is not None and not loops:
                _operation(turn, w, event)
        case _:
            assert_never(event)


def _operation(
    turn: Turn,
    w: Work,
    event: CarpInterfaceChanged | Configured | AddressAdded | AddressRemoved | StateRequested,
) -> None:
    match event:
        case CarpInterfaceChanged():
            operations.carp_interface_changed(turn, w, event)
        case Configured():
            operations.configured(turn, w, event)
        case AddressAdded():
            operations.address_added(turn, w, event)
        case AddressRemoved():
            operations.address_removed(turn, w, event)
        case StateRequested():
            operations.state_requested(turn, w, event)


def _timer(turn: Turn, w: Work, timer: Timer) -> None:
    match timer:
        case Timer.AD:
            w.ad = NEVER
            turn.send_ad(w)
        case Timer.MD:
            w.md = NEVER
            master_down(turn, w, Reason.TIMED_OUT)
        case Timer.MD6:
            w.md6 = NEVER
            master_down(turn, w, Reason.TIMED_OUT)
        case Timer.POLL:
            poll.wake(turn, w, None)
