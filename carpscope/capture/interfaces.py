"""The interfaces one can capture on."""

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown


def interfaces() -> list[str]:
    """Give the names of the interfaces libpcap finds, in its order.

    Raises CarpscopeError where the system does not tell.
    """
    import pcapy  # noqa: PLC0415  reading a file needs no libpcap

    try:
        return list(pcapy.findalldevs())
    except pcapy.PcapError as error:
        raise CarpscopeError(f"the interfaces cannot be listed: {shown(str(error))}") from None
