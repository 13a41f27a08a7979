"""What the systems with carpN interfaces have in common: the words of their traces."""

from types import MappingProxyType

from carpscope.protocol.events import Reason

WORDS = MappingProxyType(
    {
        Reason.ADDRESS_ADDED: "address_added",
        Reason.LINK_UP: "link_up",
        Reason.LINK_DOWN: "link_down",
        Reason.CARP_UP: "carp_up",
        Reason.CARP_DOWN: "carp_down",
        Reason.TIMED_OUT: "master_down_timeout",
        Reason.WILL_TIME_OUT: "master_will_time_out",
        Reason.PREEMPTING: "preempting_slower_master",
        Reason.BETTER_ADVERT: "more_frequent_advert",
        Reason.CHANGED: "reconfigured",
    }
)
