"""What a detector is: a rule with a page, and a watch that takes facts one at a time."""

from collections.abc import Callable, Iterable
from typing import Protocol

from carpscope.auth.keyring import Keyring
from carpscope.config import Config
from carpscope.core.mistakes import Mistakes
from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.detect.configured import Examine
from carpscope.detect.finding import Finding, Severity
from carpscope.timeline.facts import Fact
from carpscope.timeline.group import Group
from carpscope.timeline.observe import Observer


@dataclass(slots=True)
class Context:
    """What a watch may ask beside the facts: the groups, what is expected, which words are weak."""

    observer: Observer
    config: Config = field(default_factory=Config)
    """What is expected."""
    interface: str | None = None
    """Where a live run listens; None for captures."""
    mistakes: Mistakes = field(default_factory=Mistakes)
    """Where what fails is counted."""
    run: "list[Context]" = field(default_factory=list)
    """Of all interfaces of a live run; empty where this is the only one."""

    @property
    def groups(self) -> list[Group]:
        """Return every group seen so far."""
        return list(self.observer.groups.values())

    @property
    def keyring(self) -> Keyring:
        """Return the candidates, of which only numbers leave."""
        return self.observer.keyring


class Watch(Protocol):
    """A detector at work on one run. What it remembers is bounded."""

    def see(self, fact: Fact) -> None:
        """Take one fact."""
        ...

    def findings(self, at: Nanos) -> Iterable[Finding]:
        """Return every situation known by now, over or not.

        May be asked at any time and any number of times: a capture asks once at its end,
        a live run every moment. A situation keeps its identity, which hangs on its nodes
        and its start.
        """
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One detector, as its file declares it."""

    code: str
    """Never reused: CS1xx elections, 2xx configuration, 3xx authenticity, 4xx
    incompatibility, 5xx network, 6xx configuration files, 9xx capture."""
    label: str
    title: str
    severity: Severity
    watch: Callable[[Context], Watch] | None = None
    """None: it reads configurations only."""
    wants: tuple[type, ...] = ()
    """Kinds of facts `see` is called with."""
    explained_by: tuple[str, ...] = ()
    """Labels of findings that cause this one, likeliest first."""
    examine: Examine | None = None
    """What it finds in configurations."""
    plain: str = ""
    """What happened in the words of somebody who knows no protocol, of what is seen on a network:
    `{address}` are the addresses it happened to and `{who}` the hosts."""
    page: str = field(default="", compare=False)
    """The docstring of its file, filled in by the engine."""
