"""Switches that snoop: who joined the group of CARP, and whether anybody asks for members."""

from carpscope.core.units import SECOND, span_text
from carpscope.detect.rule import Context
from carpscope.detect.words import times
from carpscope.protocol import timers
from carpscope.timeline.group import Group


def snooping_text(context: Context, group: Group) -> str:
    """Say what joins without queries show; nothing where that was not so.

    Only a capture that is longer than a querier's interval can show that there is none.
    """
    seen = context.observer.memberships(group.vlan)
    if seen is None or not seen.joined or seen.asked:
        return ""
    observer = context.observer
    length = observer.now - (observer.began or observer.now)
    if length <= timers.QUERY:
        return ""
    return (
        f" Membership of the group of CARP was reported {times(seen.joined)}, and nobody asked for "
        f"members in {span_text(length)} (a querier does every {timers.QUERY // SECOND} s): a "
        "switch that snoops forgets members that are not asked for."
    )


def snooping_remedy(context: Context, group: Group) -> str:
    """Give what to do about that."""
    if not snooping_text(context, group):
        return ""
    return (
        "Look first whether the switches snoop (IGMP, MLD): give this VLAN a querier, or turn "
        "snooping off for it. "
    )
