"""Runs every detector over the facts and puts their findings in order.

Detectors are the files of `detect/rules`; each states which facts it wants and which
findings explain its own. Causes are linked here, after the last fact: a finding is
explained by the first of its rule's labels that was found in the same group at the
same time.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable

from carpscope.core.registry import modules
from carpscope.core.units import Nanos
from carpscope.core.values import replace
from carpscope.detect import internal
from carpscope.detect.finding import Finding
from carpscope.detect.rule import Context, Rule, Watch
from carpscope.protocol import spans
from carpscope.timeline.facts import Fact


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, with its page, in the order of codes. A code is never used twice."""
    found = []
    for module in modules("carpscope.detect.rules"):
        rule = module.RULE
        assert isinstance(rule, Rule), module.__name__
        assert module.__doc__, f"{module.__name__} has no page"
        found.append(replace(rule, page=module.__doc__))
    codes = [rule.code for rule in found]
    assert len(codes) == len(set(codes)), "a code is used twice"
    return tuple(sorted(found, key=lambda rule: rule.code))


class Engine:
    """All detectors of one run."""

    def __init__(self, context: Context) -> None:
        """Make a watch of every rule."""
        self._mistakes = context.mistakes
        self._observer = context.observer
        self._watches = [(rule, rule.watch(context)) for rule in rules() if rule.watch is not None]
        self._wanting: dict[type, list[tuple[str, Watch]]] = defaultdict(list)
        self._known: dict[str, list[Finding]] = {}
        """What each rule found last: what it knew is not over because it fails."""
        for rule, watch in self._watches:
            for kind in rule.wants:
                self._wanting[kind].append((rule.code, watch))

    def see(self, facts: Iterable[Fact]) -> None:
        """Take facts in order."""
        for fact in facts:
            for code, watch in self._wanting.get(type(fact), ()):
                with self._mistakes.isolated(code, self._observer.now, getattr(fact, "frame", 0)):
                    watch.see(fact)

    def findings(self, at: Nanos) -> list[Finding]:
        """Return every situation known by now, causes named, in the order to show them."""
        found = self.known(at)
        with self._mistakes.isolated("order of findings", at):
            return in_order(found)
        return found

    def known(self, at: Nanos) -> list[Finding]:
        """Return the same in no order, for who asks five times a second."""
        for rule, watch in self._watches:
            with self._mistakes.isolated(rule.code, at):
                self._known[rule.code] = list(watch.findings(at))
        found = [finding for findings in self._known.values() for finding in findings]
        with self._mistakes.isolated("causes of findings", at):
            _link(found, {rule.label: rule for rule in rules()})
        return [*found, *internal.findings(self._mistakes)]


def _link(findings: list[Finding], by_label: dict[str, Rule]) -> None:
    """Name for each finding the one that explains it."""
    near: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        near[finding.label, finding.group].append(finding)
    for finding in findings:
        for label in by_label[finding.label].explained_by:
            causes = [
                other
                for other in near.get((label, finding.group), ())
                if other is not finding
                and other.start - spans.CAUSE <= finding.end
                and finding.start - spans.CAUSE <= other.end
            ]
            if causes:
                finding.caused_by = [cause.identity for cause in causes]
                break


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Put causes first, the symptoms of each directly behind, the worst situation first."""
    named = [(finding.identity, finding) for finding in findings]
    known = {identity for identity, _ in named}
    symptoms: dict[str, list[tuple[str, Finding]]] = defaultdict(list)
    for identity, finding in named:
        for cause in dict.fromkeys(finding.caused_by):
            symptoms[cause].append((identity, finding))

    def worst(one: tuple[str, Finding]) -> int:
        identity, finding = one
        ranks = [symptom.severity.rank for _, symptom in symptoms.get(identity, ())]
        return max([finding.severity.rank, *ranks])

    roots = [one for one in named if known.isdisjoint(one[1].caused_by)]
    roots.sort(key=lambda one: (-worst(one), one[1].start, one[1].code))
    ordered: dict[int, Finding] = {}

    def place(identity: str, finding: Finding) -> None:
        if id(finding) in ordered:
            return
        ordered[id(finding)] = finding
        behind = symptoms.get(identity, ())
        for one in sorted(behind, key=lambda o: (-o[1].severity.rank, o[1].start, o[1].code)):
            place(*one)

    for one in roots:
        place(*one)
    for one in named:
        place(*one)  # a ring of causes has no root
    return list(ordered.values())
