"""What is known of a capture besides its frames, whoever has read it."""

from typing import NamedTuple, Protocol

from carpscope.core.units import Nanos


class Described(Protocol):
    """A capture as reports speak of it: one that is read now, or one that was."""

    @property
    def path(self) -> str:
        """As it was named."""
        ...

    @property
    def name(self) -> str:
        """What to call it in a message; nothing in it that a terminal would obey."""
        ...

    @property
    def format(self) -> str:
        """`pcap` or `pcapng`."""
        ...

    @property
    def compression(self) -> str | None:
        """`gzip`, `zstd` or None."""
        ...

    @property
    def sha256(self) -> str | None:
        """Digest of the file as it lies; None if not asked for, or if its end was not reached."""
        ...

    @property
    def bytes(self) -> int:
        """Bytes of the file that were read."""
        ...

    @property
    def packets(self) -> int:
        """All packets, also those that say nothing here."""
        ...

    @property
    def first(self) -> Nanos | None:
        """The earliest time."""
        ...

    @property
    def last(self) -> Nanos | None:
        """The latest time."""
        ...

    @property
    def nanosecond(self) -> bool:
        """Tell whether times are finer than microseconds."""
        ...

    @property
    def link_types(self) -> list[str]:
        """Names of the link types in order of appearance."""
        ...

    @property
    def drops(self) -> int | None:
        """Packets the capturing lost by its own account; None where it gives none."""
        ...

    @property
    def snap_length(self) -> int | None:
        """What the file says that it was captured with; None where it says nothing."""
        ...

    @property
    def filters(self) -> list[str]:
        """The capture filters that the file names."""
        ...

    @property
    def comments(self) -> int:
        """Comments on packets."""
        ...

    @property
    def notes(self) -> list[str]:
        """What a person should know about the file and its packets, a line each."""
        ...

    @property
    def problems(self) -> list[str]:
        """Those of the notes that say that the file is damaged or odd."""
        ...


class Folder(NamedTuple):
    """What is known of a folder beside its captures."""

    name: str
    damaged: tuple[str, ...]
    """A line for each file that was meant to be a capture and could not be read."""
    others: int
    """Files that are no captures and have no name of one."""
    doubled: int = 0
    """Packets that several captures hold, counted once."""
