"""What a scheduled event of a scenario is to a node's state machine."""

from carpscope.core.units import Nanos
from carpscope.protocol.events import (
    AddressAdded,
    AddressRemoved,
    AllowChanged,
    AuxLinkChanged,
    CarpInterfaceChanged,
    Configured,
    Demoted,
    Event,
    InterfaceChanged,
    LinkChanged,
    OutputChanged,
    QueueChanged,
    Signalled,
    State,
    StateRequested,
)
from carpscope.protocol.secret import key_bytes
from carpscope.sim.plan import ScheduledEvent


def machine_event(event: ScheduledEvent, at: Nanos, draw: int) -> Event:
    """Return the machine's event for one of a scenario that happens at `at`.

    `draw` are 64 random bits. Crashes, attacks and changes of paths are no events of a machine.
    """
    vhid = event.vhid or 0
    number = event.value if isinstance(event.value, int) else 0
    text = event.value if isinstance(event.value, str) else ""
    match event.type:
        case "link_down" | "link_up":
            return LinkChanged(at, draw, event.type == "link_up")
        case "if_down" | "if_up":
            return InterfaceChanged(at, draw, event.type == "if_up")
        case "aux_link_down" | "aux_link_up":
            return AuxLinkChanged(at, draw, event.type == "aux_link_up")
        case "output_down" | "output_up":
            return OutputChanged(at, draw, event.type == "output_up")
        case "queue_full" | "queue_free":
            return QueueChanged(at, draw, event.type == "queue_full")
        case "carp_down" | "carp_up":
            return CarpInterfaceChanged(at, draw, vhid, event.type == "carp_up")
        case "state_backup":
            return StateRequested(at, draw, vhid, State.BACKUP)
        case "state_master":
            return StateRequested(at, draw, vhid, State.MASTER)
        case "demote":
            return Demoted(at, draw, number)
        case "allow":
            return AllowChanged(at, draw, bool(number))
        case "set_pass":
            return Configured(at, draw, vhid, key=key_bytes(text))
        case "set_advskew":
            return Configured(at, draw, vhid, advskew=number)
        case "set_advbase":
            return Configured(at, draw, vhid, advbase=number)
        case "add_addr":
            return AddressAdded(at, draw, vhid, event.address)
        case "del_addr":
            return AddressRemoved(at, draw, vhid, event.address)
        case "sigusr2":
            return Signalled(at, draw, event.vhid)
        case _:
            raise AssertionError(f"the reader let {event.type} through")
