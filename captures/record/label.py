"""A true sentence about a capture, in the words of the project's labelled traces."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from captures.record.plan import Micros, Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One true sentence about an interval of the capture."""

    label: str
    kind: str
    """`problem`, `config`, `change` or `none`."""
    start: Micros
    end: Micros
    nodes: tuple[str, ...]
    cause: str
    vhid: int | None = None
    vlan: tuple[int, ...] = ()
    optional: bool = False
    accept: tuple[str, ...] = ()
    more: Mapping[str, Plain] = field(default_factory=dict)


def named(found: list[Label]) -> tuple[str, ...]:
    """The labels that a reader of the capture must find, sorted."""
    return tuple(sorted(label.label for label in found if not label.optional))
