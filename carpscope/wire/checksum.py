"""The Internet checksum (RFC 1071)."""


def ones_complement_sum(data: bytes) -> int:
    """Sum 16-bit words with end-around carry, 0 to 0xffff; an odd byte is padded.

    2**16 is 1 modulo 65535, so the sum of the words is the whole number modulo
    65535. Where that is 0, all-zero data is told from a sum of 0xffff.
    """
    if len(data) & 1:
        data += b"\0"
    value = int.from_bytes(data, "big")
    return value % 65535 or (0xFFFF if value else 0)


def internet_checksum(data: bytes) -> int:
    """Give the value to put into a zeroed checksum field."""
    return 0xFFFF ^ ones_complement_sum(data)


def checksum_holds(data: bytes) -> bool:
    """Tell whether data with its checksum in place sums to 0xffff."""
    return ones_complement_sum(data) == 0xFFFF
