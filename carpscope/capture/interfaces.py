"""The interfaces one can capture on."""

from carpscope.capture.sniff import visible
from carpscope.core.errors import CarpscopeError


def interfaces() -> list[str]:
    """Give the names of the interfaces libpcap finds, in its order.

    Raises CarpscopeError where the system does not tell.
    """
    import pcapy  # noqa: PLC0415  reading a file needs no libpcap

    try:
        return list(pcapy.findalldevs())
    except pcapy.PcapError as error:
        raise CarpscopeError(f"the interfaces cannot be listed: {visible(str(error))}") from None
