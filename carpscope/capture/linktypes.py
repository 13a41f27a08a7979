"""Link types: the number a capture carries, and the name people know it by.

The numbers are those of LINKTYPE_ in capture files (tcpdump.org/linktypes.html),
the names those that tcpdump prints for `-L`, without prefix. A system's own
DLT_ number may differ: raw IP is 12 or 14 in programs, 101 in files, and files
with 12 and 14 exist all the same.
"""

ETHERNET = 1

_READ = {
    0: "NULL",
    1: "EN10MB",
    6: "IEEE802_5",
    9: "PPP",
    10: "FDDI",
    11: "ATM_RFC1483",
    12: "RAW",
    14: "RAW",
    16: "ATM_CLIP",
    18: "ATM_CLIP",
    19: "ATM_CLIP",
    50: "PPP_HDLC",
    51: "PPP_ETHER",
    100: "ATM_RFC1483",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    106: "ATM_CLIP",
    107: "FRELAY",
    108: "LOOP",
    109: "ENC",
    112: "C_HDLC",
    113: "LINUX_SLL",
    117: "PFLOG",
    119: "PRISM_HEADER",
    122: "IP_OVER_FC",
    123: "SUNATM",
    127: "IEEE802_11_RADIO",
    138: "APPLE_IP_OVER_IEEE1394",
    143: "DOCSIS",
    163: "IEEE802_11_RADIO_AVS",
    167: "JUNIPER_PPPOE",
    178: "JUNIPER_ETHER",
    179: "JUNIPER_PPP",
    180: "JUNIPER_FRELAY",
    181: "JUNIPER_CHDLC",
    183: "JUNIPER_VP",
    192: "PPI",
    197: "ERF",
    204: "PPP_WITH_DIR",
    228: "IPV4",
    229: "IPV6",
    239: "NFLOG",
    242: "IPOIB",
    258: "PKTAP",
    274: "ETHERNET_MPACKET",
    276: "LINUX_SLL2",
    281: "DSA_TAG_BRCM",
    282: "DSA_TAG_BRCM_PREPEND",
    284: "DSA_TAG_DSA",
    285: "DSA_TAG_EDSA",
}
"""Those that the program decodes; a test holds them to `wire.links`, which lies beside."""

_NAMED = {
    7: "ARCNET",
    8: "SLIP",
    187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX",
    195: "IEEE802_15_4_WITHFCS",
    201: "BLUETOOTH_HCI_H4_WITH_PHDR",
    220: "USB_LINUX_MMAPPED",
    227: "CAN_SOCKETCAN",
    230: "IEEE802_15_4_NOFCS",
    231: "DBUS",
    240: "NETANALYZER",
    247: "INFINIBAND",
    249: "USBPCAP",
    252: "WIRESHARK_UPPER_PDU",
    253: "NETLINK",
    283: "IEEE802_15_4_TAP",
}
"""Common ones in which no CARP is looked for."""


def link_name(link: int) -> str:
    """Give the name of a link type, `LINKTYPE 147` for one without."""
    return _READ.get(link) or _NAMED.get(link, f"LINKTYPE {link}")


def is_read(link: int) -> bool:
    """Tell whether packets of this link type can be looked into."""
    return link in _READ
