"""Link types: the number a capture carries, and the name people know it by.

The numbers are those of LINKTYPE_ in capture files (tcpdump.org/linktypes.html),
the names those that tcpdump prints for `-L`, without prefix. A system's own
DLT_ number may differ: raw IP is 12 or 14 in programs, 101 in files, and files
with 12 and 14 exist all the same.
"""

ETHERNET = 1

_NAMES = {
    0: "NULL",
    1: "EN10MB",
    6: "IEEE802",
    7: "ARCNET",
    8: "SLIP",
    9: "PPP",
    10: "FDDI",
    12: "RAW",
    14: "RAW",
    50: "PPP_HDLC",
    51: "PPP_ETHER",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    107: "FRELAY",
    108: "LOOP",
    109: "ENC",
    113: "LINUX_SLL",
    117: "PFLOG",
    119: "PRISM_HEADER",
    127: "IEEE802_11_RADIO",
    143: "DOCSIS",
    187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX",
    192: "PPI",
    195: "IEEE802_15_4_WITHFCS",
    201: "BLUETOOTH_HCI_H4_WITH_PHDR",
    220: "USB_LINUX_MMAPPED",
    227: "CAN_SOCKETCAN",
    228: "IPV4",
    229: "IPV6",
    230: "IEEE802_15_4_NOFCS",
    231: "DBUS",
    239: "NFLOG",
    247: "INFINIBAND",
    249: "USBPCAP",
    252: "WIRESHARK_UPPER_PDU",
    253: "NETLINK",
    258: "PKTAP",
    276: "LINUX_SLL2",
}


def link_name(link: int) -> str:
    """Give the name of a link type, `LINKTYPE 147` for one without."""
    return _NAMES.get(link, f"LINKTYPE {link}")


def is_known(link: int) -> bool:
    """Tell whether the link type has a name here."""
    return link in _NAMES
