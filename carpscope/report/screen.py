"""The analysis for a person: the answer first, then the evidence, detail on request.

Everything is `rich.Text`: on a terminal in colour, piped the same text with bars of `#`.
Colour carries nothing that a sign or a word does not say. Text from packets and file
names enters as text and never as markup.
"""

from rich.console import Console
from rich.text import Text

from carpscope.capture.described import Folder
from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.core.units import SECOND, Nanos, clock, day, span_text
from carpscope.detect.events import Event
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.incident import Incident
from carpscope.detect.standing import vips
from carpscope.detect.words import priority
from carpscope.pipeline import Analysis
from carpscope.report import expected
from carpscope.report.finding import frame_name
from carpscope.report.folder import folder_notes
from carpscope.report.layout import columns, hanging
from carpscope.report.roster import Span, name, roster, shown, signs
from carpscope.report.unjudged import sentences
from carpscope.report.vantage import offset_text, place_text, way_text
from carpscope.timeline import traits
from carpscope.timeline.group import Group, group_words
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import is_master
from carpscope.timeline.node import Node
from carpscope.timeline.relations import relations
from carpscope.timeline.vantage import Vantage

EVENTS_SHOWN = 12
GROUPS_SHOWN = 40
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


class Paper(Console):
    """A console that leaves it to the program what to do when its reader goes away."""

    def on_broken_pipe(self) -> None:
        """Pass it on: rich would end the program with the status that means findings."""
        raise BrokenPipeError


def paper(width: int, color: str = "auto") -> Paper:
    """Return where to print: in colour `always`, `never`, or `auto`, as rich finds the terminal."""
    if color == "never":
        return Paper(width=width, color_system=None)
    if color == "always":
        return Paper(width=width, force_terminal=True, color_system="standard", no_color=False)
    return Paper(width=width)


class Screen:
    """Prints one analysis."""

    def __init__(self, console: Console, config: Config, *, details: bool = False) -> None:
        """Take where to print, and what people call the nodes."""
        self._console = console
        self._config = config
        self._details = details
        self._findings: dict[str, list[Finding]] = {}
        self._happened: dict[str, list[Event]] = {}
        """Findings and events by group: there may be a million groups."""
        self._blocks = console.is_terminal and (console.encoding or "").lower().startswith("utf")

    def show(self, analysis: Analysis) -> None:
        """Print the whole."""
        names = _short([capture.name for capture in analysis.captures])
        self._evidence(analysis)
        groups = sorted(analysis.observer.groups.values(), key=lambda g: (g.vlan, g.vhid))
        for finding in analysis.findings:
            self._findings.setdefault(finding.group, []).append(finding)
        for event in analysis.events:
            self._happened.setdefault(event.group, []).append(event)
        by_id = {group.id: group for group in groups}
        if not groups:
            self._nothing(analysis)
        troubled = self._trouble(analysis, by_id, names)
        calm = [group for group in groups if group.id not in troubled]
        if calm:
            self._calm(calm, analysis, alone=not troubled)
        self._print(_hint(analysis, self._config))

    # What was read

    def _evidence(self, analysis: Analysis) -> None:
        if analysis.folder is not None:
            self._folder(analysis, analysis.folder)
        for index, capture in enumerate(analysis.captures):
            if analysis.folder is not None and not self._details:
                break
            prefix = Text(f"{capture.name}  ", style="bold")
            size = _count(capture.packets, "packet")
            told = (
                f"{size}, "
                f"{_count(analysis.advertisements[index], 'CARP advertisement')}"
                f"{_when(capture.first, capture.last)}"
            )
            if prefix.cell_len + len(told) > self._console.width:
                self._hang(Text(), prefix)
                prefix = Text("  ")
            self._hang(prefix, told)
            for note in (*capture.notes, *(analysis.notes if index == 0 else ())):
                self._hang(Text("  note: ", style="yellow"), note)
            if self._details:
                links = ", ".join(capture.link_types) or "no packet"
                digest = f", sha256 {capture.sha256}" if capture.sha256 else ""
                self._hang(Text("  "), f"{capture.bytes:,} bytes, {links}{digest}")
        if analysis.vantage is not None:
            self._clocks(analysis, analysis.vantage)
        copies = sum(group.copies for group in analysis.observer.groups.values())
        if copies:
            made = "a mirror port or another capture" if analysis.vantage else "a mirror port"
            self._print(f"  {_count(copies, 'copy', 'copies')} that {made} made left out")
        self._line()

    def _folder(self, analysis: Analysis, folder: Folder) -> None:
        """Print a folder as the one recording it is."""
        captures = analysis.captures
        starts = [capture.first for capture in captures if capture.first is not None]
        ends = [capture.last for capture in captures if capture.last is not None]
        self._hang(Text(), Text(folder.name, style="bold"))
        self._hang(
            Text("  "),
            f"{_count(len(captures), 'capture')}, "
            f"{_count(sum(capture.packets for capture in captures), 'packet')}, "
            f"{_count(sum(analysis.advertisements), 'CARP advertisement')}"
            f"{_when(min(starts, default=None), max(ends, default=None))}",
        )
        if folder.doubled:
            held = f"{_count(folder.doubled, 'packet')} in more than one capture, taken once"
            self._hang(Text("  "), held)
        if not self._details:
            for note in analysis.notes:
                self._hang(Text("  note: ", style="yellow"), note)
        for note in folder_notes(analysis, folder, details=self._details):
            self._hang(Text("  note: ", style="yellow"), note)

    def _clocks(self, analysis: Analysis, vantage: Vantage) -> None:
        """Print how the captures' clocks stand, and what only one of them has."""
        names = _short([capture.name for capture in analysis.captures])
        for one in vantage.clocks[1:]:
            if one.known:
                told = "; ".join(filter(None, (offset_text(one), way_text(one))))
                told = f"{names[one.capture]}: {told}"
                self._hang(Text("  clock: ", style="dim"), told)
        for index, place in enumerate(vantage.places):
            self._hang(Text("  place: ", style="dim"), f"{names[index]}: {place_text(place)}")
        for note in vantage.notes:
            self._hang(Text("  note: ", style="yellow"), note)
        for loss in vantage.losses[:EVENTS_SHOWN]:
            span = f"{clock(loss.start, digits=3)} – {clock(loss.end, digits=3)}"
            self._hang(
                Text(f"  {span}  ", style="dim"),
                f"{_count(loss.count, 'advertisement')} of {ip_text(loss.sender.source)} in "
                f"{names[loss.seen]}, never seen in {names[loss.missing]}",
            )
        if len(vantage.losses) > EVENTS_SHOWN:
            self._print(f"  … and {len(vantage.losses) - EVENTS_SHOWN:,} more such stretches")

    def _nothing(self, analysis: Analysis) -> None:
        for told in sentences(analysis):
            self._print(told)
        self._line()

    # What is wrong

    def _trouble(self, analysis: Analysis, by_id: dict[str, Group], names: list[str]) -> set[str]:
        """Print all that is wrong, one incident after the other; return the groups it is about.

        Incidents of one group alone stand together with its nodes.
        """
        incidents = analysis.incidents
        narrow: dict[str, list[Incident]] = {}
        for incident in incidents:
            if len(incident.groups) == 1:
                narrow.setdefault(incident.groups[0], []).append(incident)
        told: set[str] = set()
        for incident in incidents:
            if len(incident.groups) > 1:
                self._incident(incident)
                self._parts(incident, by_id, analysis)
                self._codes(list(incident.findings), names)
                self._line()
            elif (group := incident.groups[0]) not in told:
                told.add(group)
                for one in narrow[group]:
                    self._incident(one)
                if group in by_id:
                    self._nodes(by_id[group], analysis)
                self._codes([f for one in narrow[group] for f in one.findings], names)
                self._line()
        return {group for incident in incidents for group in incident.groups}

    def _incident(self, incident: Incident) -> None:
        """Print an incident: the worst of it is the headline, then its cause and what to do."""
        head, root = incident.head, incident.root
        style, sign = _STYLES[head.severity], _SIGNS[head.severity]
        told = incident if _is_many(incident) else head
        first, last = told.start, told.end
        since = f"since {clock(first, digits=0)} UTC, still so at the end"
        until = f"{clock(first, digits=0)} – {clock(last, digits=0)} UTC"
        length = last - first
        when = f"{until}, {span_text(length)}" if length else until[:12]
        if incident.ongoing:
            when = since
        where = "" if _is_many(incident) else f"{group_words(head.group)}: "
        title = Text(f"{where}{incident.summary}", style=style)
        self._lines(
            hanging(self._console, Text(f"{sign} ", style=style), title.append(f" — {when}"))
        )
        if head.label != root.label:
            self._told("Cause:", _placed(root, incident))
        self._told("Why:", root.explanation)
        if head is not root and self._details:
            self._told("Seen:", head.explanation)
        self._told("Do:", root.remedy, style="bold")
        self._line()

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
            held = vips(by_id[group], self._config) if group in by_id else ()
            shared = f" ({', '.join(ip_text(address) for address in held[:3])})" if held else ""
            self._hang(Text("    "), f"{group_words(group)}{shared}: {worst.summary}")
        if (left := len(incident.groups) - PARTS_SHOWN) > 0:
            self._print(f"    … and {_count(left, 'more group')} alike (-V shows all)")
        self._line()

    def _told(self, word: str, told: str, style: str = "") -> None:
        """Print a labelled paragraph."""
        self._hang(Text(f"  {word:7}", style="dim"), Text(told, style=style))

    def _codes(self, found: list[Finding], names: list[str]) -> None:
        by_identity = {finding.identity: finding for finding in found}
        rows = []
        for finding in found if self._details else found[:CODES_SHOWN]:
            causes = [by_identity[c].code for c in finding.caused_by if c in by_identity]
            frames = _frames(finding, names)
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
        lines = columns(rows)
        if max(line.cell_len for line in lines) > self._console.width:
            # the frames go below, where there is room
            lines = []
            for line, row in zip(columns([row[:4] for row in rows]), rows, strict=True):
                lines += [line, *hanging(self._console, Text(" " * 9), row[4])]
        self._lines(lines)
        if len(found) > len(rows):
            self._print(f"  … and {_count(len(found) - len(rows), 'more finding')} (-V shows all)")

    # Who is there

    def _nodes(self, group: Group, analysis: Analysis) -> None:
        """Print the nodes of a group with a bar of when each was MASTER, and what happened."""
        self._lines(
            roster(self._console, self._config, group, _span(analysis), blocks=self._blocks)
        )
        self._line()
        if len(group.members) > len(shown(group)):
            left = _count(len(group.members) - len(shown(group)), "node")
            self._print(f"  … and {left} that advertised once, amid very many others")
            self._line()
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
            who = nodes[0] if len(nodes) == 1 else _count(len(nodes), "node")
            self._hang(Text("  note: ", style="yellow"), f"{who} not explained: {limit}")
        if left:
            self._line()

    def _expected(self, group: Group, analysis: Analysis) -> None:
        """Print every advertisement beside what the node's own machine would have sent."""
        names = [capture.name for capture in analysis.captures]
        found = analysis.replays.get(group.id, [])
        if not found:
            return
        self._print("  expected and seen, by each node's own state machine:")
        for row in expected.rows(found, names):
            self._hang(Text("    "), row)
        self._line()

    def _events(self, group: Group) -> None:
        events = self._happened.get(group.id, [])
        shown = events if self._details else events[:EVENTS_SHOWN]
        for event in shown:
            took = event.end - event.start
            length = f" after {span_text(took)}" if event.label == "failover" else ""
            prefix = Text(f"  {clock(event.end, digits=3)}  ", style="dim")
            self._hang(prefix, f"{event.label.replace('_', ' ')}: {event.summary}{length}")
        if len(events) > len(shown):
            self._print(f"  … and {_count(len(events) - len(shown), 'more event')} (-V shows all)")
        if shown:
            self._line()

    def _reasons(self, group: Group) -> None:
        """Print how what the table says is known."""
        for node in group.members:
            known = identify(node)
            because = "; ".join(known.because) or "nothing seen decides it"
            sure = f"{known.text}, {known.confidence:.0%} sure: {because}"
            self._hang(Text(f"  {node.id}  ", style="dim"), sure)
        for relation in relations(group):
            pair = Text(f"  {relation.receiver.id} ", style="dim")
            self._hang(pair, f"{relation.relation} {relation.sender.id}: {relation.because}")
        self._line()

    # What is well

    def _calm(self, groups: list[Group], analysis: Analysis, *, alone: bool) -> None:
        """Print groups without findings: one line where one node spoke, else the table."""
        if alone:
            adverts = sum(analysis.advertisements)
            self._print(
                Text("✓ Nothing wrong", style="bold green").append(
                    f": {_count(len(groups), 'group')}, "
                    f"{_count(adverts, 'advertisement')}{_length(analysis)}{_failovers(analysis)}",
                    style="default not bold",
                )
            )
            self._line()
        for group in groups[:GROUPS_SHOWN]:
            members = group.members
            master = max(members, key=lambda n: (is_master(n), n.last))
            sign = Text("✓ ", style="green") if not alone else Text("  ")
            prefix = sign.append(f"{group_words(group.id)}  ", style="default")
            self._hang(prefix, self._calm_words(group, master))
            if len(members) == 1 and not master.bow_outs:
                self._hang(
                    Text(" " * prefix.cell_len),
                    "a backup never speaks: whether there is one cannot be seen here"
                    f"{_takeover(master)}",
                )
            self._line()
            if len(members) > 1:
                self._nodes(group, analysis)
            else:
                self._limits(group)
                self._events(group)
        if len(groups) > GROUPS_SHOWN:
            self._print(f"… and {_count(len(groups) - GROUPS_SHOWN, 'more group')}, nothing wrong")
            self._line()

    def _calm_words(self, group: Group, master: Node) -> Text:
        several = len(group.members) > 1
        state = "MASTER" if is_master(master) else "was MASTER"
        whole = not several and len(master.reigns) == 1 and is_master(master)
        words = Text(
            f"{name(master, self._config)} {state}{' throughout' if whole else ''}", "bold"
        )
        about = [identify(master).text, f"advertises {priority(master)}"]
        if master.intervals:
            mean = sum(master.intervals) / len(master.intervals) / 1e9
            spread = (max(master.intervals) - min(master.intervals)) / 2e6
            about.append(f"every {mean:.3f} s ± {spread:.1f} ms")
        if not several:
            about.append(f"signs {signs(master, self._config).plain}")
        return words.append(f" ({', '.join(about)})", style="not bold")

    # How it is printed

    def _hang(self, prefix: Text, body: Text | str) -> None:
        told = Text(body) if isinstance(body, str) else body
        self._lines(hanging(self._console, prefix, told))

    def _print(self, text: Text | str) -> None:
        self._hang(Text(), text)

    def _line(self, text: Text | None = None) -> None:
        self._lines([text or Text()])

    def _lines(self, lines: list[Text]) -> None:
        if self._console.color_system is None:  # rich would print the same in ten times the time
            self._console.file.write("".join([f"{line.plain.rstrip()}\n" for line in lines]))
            return
        for line in lines:
            line.rstrip()
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _failovers(analysis: Analysis) -> str:
    """Say how often a backup took over from a silent master, and how long nobody served."""
    took = [e.end - e.start for e in analysis.events if e.label == "failover"]
    if not took:
        return ""
    if len(took) == 1:
        return f"; 1 failover after {span_text(took[0])} of silence"
    return f"; {len(took)} failovers after {span_text(min(took))} to {span_text(max(took))}"


def _is_many(incident: Incident) -> bool:
    """Tell whether an incident has words of its own: of several groups, or several findings."""
    return incident.summary != incident.head.summary


def _placed(finding: Finding, incident: Incident) -> str:
    """Give a cause, with its group where that is not said."""
    here = f"{group_words(finding.group)}: " if len(incident.groups) > 1 else ""
    return f"{here}{finding.summary}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _short(names: list[str]) -> list[str]:
    """Leave out the folders that are not needed to tell captures apart."""
    for depth in range(1, 6):
        bare = ["/".join(name.split("/")[-depth:]) for name in names]
        if len(set(bare)) == len(bare):
            return bare
    return names


def _frames(finding: Finding, names: list[str]) -> str:
    """Give `frame 7`, `frames 7 and 9`, `frames 22 … 72 (48)`."""
    shown = [str(frame_name(ref, names)) for ref in finding.frames]
    if not shown:
        return ""  # of the run itself
    if finding.frame_count == 1:
        return f"frame {shown[0]}"
    if finding.frame_count == 2:
        return f"frames {shown[0]} and {shown[-1]}"
    return f"frames {shown[0]} … {shown[-1]} ({finding.frame_count:,})"


def _takeover(master: Node) -> str:
    """Say how long a backup of the same kind would wait, whatever its advskew."""
    if not 0 < master.advbase < 255:
        return ""
    first, last = traits.backups(master)
    return f"; it would take over after {first / SECOND:.1f}–{last / SECOND:.1f} s of silence"


def _span(analysis: Analysis) -> Span:
    vantage = analysis.vantage
    ends = []
    for index, capture in enumerate(analysis.captures):
        own = [at for at in (capture.first, capture.last) if at is not None]
        ends += own if vantage is None else [vantage.clocks[index].corrected(at) for at in own]
    return Span(min(ends, default=0), max(ends, default=1))


def _length(analysis: Analysis) -> str:
    span = _span(analysis)
    return f", {span_text(span.last - span.first)}" if span.last > span.first else ""


def _when(first: Nanos | None, last: Nanos | None) -> str:
    if first is None or last is None:
        return ""
    begin = f"{day(first)} {clock(first, digits=0)}"
    if first == last:
        return f", {begin} UTC"
    end = (
        clock(last, digits=0) if day(first) == day(last) else f"{day(last)} {clock(last, digits=0)}"
    )
    return f", {begin} – {end} UTC ({span_text(last - first)})"


def _hint(analysis: Analysis, config: Config) -> str:
    if not analysis.observer.groups:
        return "carpscope dissect --all shows what else elections leave behind"
    secret = "" if config.passphrases else "; -p and -a check the HMACs"
    if analysis.findings:
        code = analysis.findings[0].code
        return f"carpscope explain {code} tells more; -V shows more, --json all{secret}"
    return f"carpscope dissect shows the packets; -V shows more, --json all{secret}"
