"""The analysis for a person: the answer first, then the evidence, detail on request.

On a terminal it is in colour, piped it is the same text with bars of `#`: colour carries
nothing that a sign or a word does not say.
"""

from rich.console import Console
from rich.text import Text

from carpscope.config import Config
from carpscope.core.text import plural
from carpscope.core.units import clock, span_text
from carpscope.core.zone import Zone, beside
from carpscope.detect.events import Event
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.incident import Incident
from carpscope.detect.standing import Places, Status
from carpscope.pipeline import Analysis
from carpscope.report import expected, headline, healthy_group, outline
from carpscope.report.captures import evidence, short_names, span_of
from carpscope.report.console import Printer
from carpscope.report.layout import fitted, hanging
from carpscope.report.roster import roster, shown
from carpscope.report.unjudged import sentences
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import is_master
from carpscope.timeline.relations import relations

EVENTS_SHOWN = 12
FEW_GROUPS = 4
"""Of more, those that are well have no table of nodes."""
GROUPS_SHOWN = 12
"""Of more, those that are well are only counted."""
INCIDENTS_IN_FULL = 3
INCIDENTS_SHOWN = 20
"""Where many groups are in trouble, these have a line or two; the rest is counted."""
ROSTERS_SHOWN = 2
"""An incident of more groups is told with a line for each."""
PARTS_SHOWN = 6
CODES_SHOWN = 12
_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.ERROR: "red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
}
_SIGNS = {
    Severity.CRITICAL: "✗",
    Severity.ERROR: "✗",
    Severity.WARNING: "!",
    Severity.INFO: "i",
}


class Screen:
    """Prints one analysis."""

    def __init__(
        self,
        console: Console,
        config: Config,
        *,
        details: bool = False,
        zone: Zone | None = None,
    ) -> None:
        """Take where to print, what people call the nodes, and a zone to tell beside UTC."""
        self._zone = zone
        self._console = console
        self._out = Printer(console)
        self._config = config
        self._details = details
        self._findings: dict[str, list[Finding]] = {}
        self._happened: dict[str, list[Event]] = {}
        """Findings and events by group: there may be a million groups."""
        self._places = Places((), config)
        self._is_brief = False
        self._blocks = console.is_terminal and (console.encoding or "").lower().startswith("utf")

    def show(self, analysis: Analysis) -> None:
        """Print the whole."""
        names = short_names([capture.name for capture in analysis.captures])
        evidence(self._out, analysis, details=self._details, zone=self._zone)
        groups = sorted(analysis.observer.groups.values(), key=lambda g: (g.vlan, g.vhid))
        self._places = analysis.places
        self._is_brief = len(groups) > FEW_GROUPS and not self._details
        for finding in analysis.findings:
            self._findings.setdefault(finding.group, []).append(finding)
        for event in analysis.events:
            self._happened.setdefault(event.group, []).append(event)
        by_id = {group.id: group for group in groups}
        if not groups or not analysis.is_judged:
            self._nothing(analysis)
        if groups and not analysis.is_judged:
            return
        self._overview(analysis, groups)
        troubled = self._trouble(analysis, by_id, names)
        well = [group for group in groups if group.id not in troubled]
        if well:
            self._calm(well, analysis, alone=not troubled)
        self._out.print(_hint(analysis, self._config))

    def _overview(self, analysis: Analysis, groups: list[Group]) -> None:
        """Print how all groups stand, where there is more to say than about one of them."""
        serious = any(f.severity.rank >= Severity.WARNING.rank for f in analysis.findings)
        took_over = outline.failovers(analysis.events, groups, self._places)
        if len(groups) > 1 and (analysis.incidents or len(groups) > GROUPS_SHOWN):
            self._out.print(f"{plural(len(groups), 'group')} at the end:")
            standing, width = analysis.standing, self._console.width
            self._out.lines(outline.states(groups, standing, self._places, self._config, width))
            self._out.blank()
        if took_over and not serious:
            self._out.hang(Text("i ", style="cyan"), Text(took_over, style="bold"))
            if analysis.incidents:
                self._out.blank()

    def _nothing(self, analysis: Analysis) -> None:
        for told in sentences(analysis):
            self._out.print(told)
        self._out.blank()

    # What is wrong

    def _trouble(self, analysis: Analysis, by_id: dict[str, Group], names: list[str]) -> set[str]:
        """Print all that is wrong, one incident after the other; return the groups it is about.

        Incidents of one group alone stand together with its nodes.
        """
        incidents = analysis.incidents
        narrow: dict[str, list[Incident]] = {}
        for incident in incidents:
            group, *others = incident.groups
            if not others:
                narrow.setdefault(group, []).append(incident)
        told: set[str] = set()
        full = INCIDENTS_IN_FULL if self._is_brief else len(incidents)
        for incident in incidents[:full]:
            group, *others = incident.groups
            if others:
                self._incident(incident)
                self._parts(incident, by_id, analysis)
                self._codes(list(incident.findings), names)
                self._out.blank()
            elif group not in told:
                told.add(group)
                for one in narrow[group]:
                    self._incident(one)
                if group in by_id:
                    self._nodes(by_id[group], analysis)
                self._codes([f for one in narrow[group] for f in one.findings], names)
                self._out.blank()
        rest = [i for i in incidents[full:] if len(i.groups) > 1 or told.isdisjoint(i.groups)]
        for incident in rest[:INCIDENTS_SHOWN]:
            self._headline(incident)
            self._labelled("Do:", incident.root.remedy)
        if len(rest) > INCIDENTS_SHOWN:
            more = plural(len(rest) - INCIDENTS_SHOWN, "more incident")
            self._out.print(f"  … and {more} (-V shows all)")
        if rest:
            self._out.blank()
        return {group for incident in incidents for group in incident.groups}

    def _incident(self, incident: Incident) -> None:
        """Print an incident: the worst of it is the headline, then its cause and what to do."""
        head, root = incident.head, incident.root
        self._headline(incident)
        if head.label != root.label:
            self._labelled("Cause:", self._placed(root, incident))
        self._labelled("Why:", root.explanation)
        if head is not root and self._details:
            self._labelled("Seen:", head.explanation)
        self._labelled("Do:", root.remedy, style="bold")
        self._out.blank()

    def _headline(self, incident: Incident) -> None:
        """Print which shared address, what is wrong with it, and since when."""
        head = incident.head
        style, sign = _STYLES[head.severity], _SIGNS[head.severity]
        told = incident if _is_many(incident) else head
        first, last = told.start, told.end
        when = headline.when(first, last, incident, self._zone)
        title = Text(f"{self._places.of(*incident.groups)}: {incident.summary}", style=style)
        if not any(incident.groups):
            title = Text(incident.summary, style=style)
        self._out.lines(
            hanging(self._console, Text(f"{sign} ", style=style), title.append(f" — {when}"))
        )

    def _parts(self, incident: Incident, by_id: dict[str, Group], analysis: Analysis) -> None:
        """Print what an incident is in each of its groups; few groups with their nodes."""
        if self._details or len(incident.groups) <= ROSTERS_SHOWN:
            for group in incident.groups:
                if group in by_id:
                    self._nodes(by_id[group], analysis)
            return
        for group in incident.groups[:PARTS_SHOWN]:
            found = [f for f in incident.findings if group in f.groups]
            worst = max(found, key=lambda f: f.severity.rank)
            self._out.hang(Text("    "), f"{self._places.of(group)}: {worst.summary}")
        if (left := len(incident.groups) - PARTS_SHOWN) > 0:
            self._out.print(f"    … and {plural(left, 'more group')} alike (-V shows all)")
        self._out.blank()

    def _placed(self, finding: Finding, incident: Incident) -> str:
        """Give a cause, with its group where that is not said."""
        here = f"{self._places.of(finding.group)}: " if len(incident.groups) > 1 else ""
        return f"{here}{finding.summary}"

    def _labelled(self, word: str, told: str, style: str = "") -> None:
        """Print a labelled paragraph."""
        self._out.hang(Text(f"  {word:7}", style="dim"), Text(told, style=style))

    def _codes(self, found: list[Finding], names: list[str]) -> None:
        by_identity = {finding.identity: finding for finding in found}
        rows = []
        for finding in found if self._details else found[:CODES_SHOWN]:
            causes = [by_identity[c].code for c in finding.caused_by if c in by_identity]
            frames = headline.frames(finding, names)
            if causes:
                frames += f"  because of {', '.join(dict.fromkeys(causes))}"
            span = f"{clock(finding.start, digits=3)} – {clock(finding.end, digits=3)}"
            rows.append(
                [
                    Text(finding.code, style=_STYLES[finding.severity]),
                    Text(finding.severity.value),
                    Text(finding.label.replace("_", " ")),
                    Text(span),
                    Text(frames),
                ]
            )
        self._out.lines(fitted(self._console, rows))
        if len(found) > len(rows):
            self._out.print(
                f"  … and {plural(len(found) - len(rows), 'more finding')} (-V shows all)"
            )

    # Who is there

    def _nodes(self, group: Group, analysis: Analysis) -> None:
        """Print the nodes of a group with a bar of when each was MASTER, and what happened."""
        self._out.lines(
            roster(self._console, self._config, group, span_of(analysis), blocks=self._blocks)
        )
        self._out.blank()
        if len(group.members) > len(shown(group)):
            left = plural(len(group.members) - len(shown(group)), "node")
            self._out.print(f"  … and {left} that advertised once, amid very many others")
            self._out.blank()
        if not self._is_brief:
            self._limits(group)
        self._events(group)
        if self._details:
            self._reasons(group)
            self._expected(group, analysis)

    def _limits(self, group: Group) -> None:
        """Print what a search that explained nothing has not tried, where no finding says it."""
        told = " ".join(finding.explanation for finding in self._findings.get(group.id, ()))
        left: dict[str, list[str]] = {}
        for node in group.members:
            for limit in node.authentication.limits:
                if limit not in told and node.authentication.failed:
                    left.setdefault(limit, []).append(node.id)
        for limit, nodes in left.items():
            who = nodes[0] if len(nodes) == 1 else plural(len(nodes), "node")
            self._out.note(f"{who} not explained: {limit}")
        if left:
            self._out.blank()

    def _expected(self, group: Group, analysis: Analysis) -> None:
        """Print every advertisement beside what the node's own machine would have sent."""
        names = [capture.name for capture in analysis.captures]
        found = analysis.replays.get(group.id, [])
        if not found:
            return
        self._out.print("  expected and seen, by each node's own state machine:")
        for row in expected.rows(found, names):
            self._out.hang(Text("    "), row)
        self._out.blank()

    def _events(self, group: Group) -> None:
        events = self._happened.get(group.id, [])
        shown = events if self._details else events[:EVENTS_SHOWN]
        for event in shown:
            took = event.end - event.start
            length = f" after {span_text(took)}" if event.label == "failover" else ""
            prefix = Text(
                f"  {clock(event.at, digits=3)}{beside(self._zone, event.at, digits=3)}  ",
                style="dim",
            )
            self._out.hang(prefix, f"{event.label.replace('_', ' ')}: {event.summary}{length}")
        if len(events) > len(shown):
            self._out.print(
                f"  … and {plural(len(events) - len(shown), 'more event')} (-V shows all)"
            )
        if shown:
            self._out.blank()

    def _reasons(self, group: Group) -> None:
        """Print how what the table says is known."""
        for node in group.members:
            known = identify(node)
            because = "; ".join(known.because) or "nothing seen decides it"
            sure = f"{known.text}, {known.confidence:.0%} sure: {because}"
            self._out.hang(Text(f"  {node.id}  ", style="dim"), sure)
        for relation in relations(group):
            pair = Text(f"  {relation.receiver.id} ", style="dim")
            self._out.hang(pair, f"{relation.relation} {relation.sender.id}: {relation.because}")
        self._out.blank()

    # What is well

    def _calm(self, groups: list[Group], analysis: Analysis, *, alone: bool) -> None:
        """Print groups without findings: one line where one node spoke, else the table."""
        standing = analysis.standing
        if alone:
            self._all_well(groups, analysis)
        else:
            events = [event for g in groups for event in self._happened.get(g.id, ())]
            took_over = outline.failovers(events, groups, self._places)
            if took_over and self._is_brief:
                self._out.hang(Text("i ", style="cyan"), took_over)
        if len(groups) > GROUPS_SHOWN and not self._details:
            self._out.print(f"{plural(len(groups), 'group')} without a finding (-V shows them)")
            groups = []
        for group in groups:
            members = group.members
            master = max(members, key=lambda n: (is_master(n), n.last))
            sign, style = outline.SIGNS[standing.of(group.id)]
            lead = Text("  " if alone and sign == "✓" else f"{sign} ", style=style)
            prefix = Text().append_text(lead).append(f"{self._places.of(group.id)}  ")
            self._out.hang(prefix, healthy_group.words(group, master, self._config))
            if self._is_brief:
                continue
            if len(members) == 1 and not master.bow_outs:
                self._out.hang(
                    Text(" " * prefix.cell_len),
                    "a backup never speaks: whether there is one cannot be seen here"
                    f"{healthy_group.takeover(master)}",
                )
            self._out.blank()
            if len(members) > 1:
                self._nodes(group, analysis)
            else:
                self._limits(group)
                self._events(group)
        if self._is_brief:
            self._out.blank()

    def _all_well(self, groups: list[Group], analysis: Analysis) -> None:
        """Print the answer where nothing was found."""
        adverts = plural(sum(analysis.advertisements), "advertisement")
        seen = f"{plural(len(groups), 'group')}, {adverts}{_length(analysis)}"
        standing = analysis.standing
        unheard = [g.id for g in groups if standing.of(g.id) is Status.UNKNOWN]
        took_over = any(event.label == "failover" for event in analysis.events)
        if unheard:
            told = Text(
                f"{self._places.of(*unheard)}: nobody is heard at the end; whether somebody is "
                "MASTER cannot be seen from here",
                style="bold",
            )
            self._out.hang(Text("? ", style="yellow"), told)
        if unheard or took_over:
            self._out.print(f"  {seen}; no finding")
        else:
            title = Text("✓ Nothing wrong", style="bold green")
            self._out.print(title.append(f": {seen}", style="default not bold"))
        self._out.blank()


def _is_many(incident: Incident) -> bool:
    """Tell whether an incident has words of its own: of several groups, or several findings."""
    return incident.summary != incident.head.summary


def _length(analysis: Analysis) -> str:
    span = span_of(analysis)
    return f", {span_text(span.last - span.first)}" if span.last > span.first else ""


def _hint(analysis: Analysis, config: Config) -> str:
    if not analysis.observer.groups:
        return "carpscope dissect --all shows what else elections leave behind"
    secret = "" if config.passphrases else "; -p and -a check the HMACs"
    if analysis.findings:
        code = analysis.findings[0].code
        return f"carpscope explain {code} tells more; -V shows more, --json all{secret}"
    return f"carpscope dissect shows the packets; -V shows more, --json all{secret}"
