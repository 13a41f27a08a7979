"""carpscope reads CARP, the Common Address Redundancy Protocol, and says what is wrong."""

__version__ = "0.1.0"
