"""The analysis for a person: the answer first, then the evidence, detail on request.

Everything is `rich.Text`: on a terminal in colour, piped as plain text with bars of `#`.
Colour carries nothing that a sign or a word does not say. Text from packets and file
names enters as text and never as markup.
"""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from carpscope.config import Config
from carpscope.core.address import ip_text
from carpscope.core.units import Nanos, clock, day, span_text
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.words import priority
from carpscope.pipeline import Analysis
from carpscope.report.document import frame_name
from carpscope.timeline.group import Group
from carpscope.timeline.identify import identify
from carpscope.timeline.node import Node

EVENTS_SHOWN = 12
GROUPS_SHOWN = 40
_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.ERROR: "red",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
}


class Screen:
    """Prints one analysis."""

    def __init__(self, console: Console, config: Config, *, details: bool = False) -> None:
        """Take where to print, and what people call the nodes."""
        self._console = console
        self._config = config
        self._details = details
        self._bars = console.is_terminal and (console.encoding or "").lower().startswith("utf")

    def show(self, analysis: Analysis) -> None:
        """Print the whole."""
        self._evidence(analysis)
        groups = sorted(analysis.observer.groups.values(), key=lambda g: (g.vlan, g.vhid))
        names = [capture.name for capture in analysis.captures]
        if not groups:
            self._nothing(analysis)
            return
        troubled = {finding.group for finding in analysis.findings}
        for finding in analysis.findings:
            if not _is_symptom(finding, analysis.findings):
                self._situation(finding, analysis, names)
        for group in [g for g in groups if g.id in troubled][:GROUPS_SHOWN]:
            self._group(group, analysis)
        calm = [g for g in groups if g.id not in troubled]
        for group in calm[:GROUPS_SHOWN]:
            self._calm(group, analysis)
        if len(calm) > GROUPS_SHOWN:
            self._line(Text(f"  … and {len(calm) - GROUPS_SHOWN} more groups without findings"))
        if analysis.findings:
            self._codes(analysis.findings, names)
        self._line()
        self._line(_hint(analysis.findings))

    def _line(self, text: Text | str = "") -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=False)

    # What was read

    def _evidence(self, analysis: Analysis) -> None:
        for index, capture in enumerate(analysis.captures):
            text = Text(capture.name, style="bold")
            text.append(
                f"  {capture.packets:,} packets, "
                f"{analysis.advertisements[index]:,} CARP advertisements",
                style="not bold",
            )
            if capture.first is not None and capture.last is not None:
                span = _from_to(capture.first, capture.last)
                text.append(f", {span} UTC ({span_text(capture.last - capture.first)})", "not bold")
            self._line(text)
            for note in capture.notes:
                self._line(Text(f"  note: {note}", style="yellow"))
        copies = sum(group.copies for group in analysis.observer.groups.values())
        if copies:
            self._line(Text(f"  {copies:,} copies that a mirror port made were left out"))
        self._line()

    def _nothing(self, analysis: Analysis) -> None:
        self._line("No CARP advertisement in here.")
        if analysis.observer.vrrp:
            self._line(f"There are {analysis.observer.vrrp:,} of VRRP, the other protocol 112.")
        if analysis.observer.faulty:
            self._line(
                f"{analysis.observer.faulty:,} packets of protocol 112 could not be read: "
                "carpscope dissect shows why."
            )
        self._line("Was the capture made on the right interface, with 'proto 112 or vlan'?")

    # What is wrong

    def _situation(self, root: Finding, analysis: Analysis, names: list[str]) -> None:
        """Print a root cause with what follows from it: the worst of them is the headline."""
        symptoms = [f for f in analysis.findings if root.identity in f.caused_by]
        head = max([root, *symptoms], key=lambda f: (f.severity.rank, f is root))
        style = _STYLES[head.severity]
        sign = "✗" if head.severity.rank >= Severity.ERROR.rank else "!"
        group = Text(f"{sign} {_group_words(head.group)}: ", style=style)
        self._line(group.append(head.summary, style=f"{style}"))
        when = "still so at the end" if head.ongoing else "over since then"
        start, end = clock(head.start, digits=3), clock(head.end, digits=3)
        length = span_text(head.end - head.start)
        self._told("When:", f"{start} – {end} UTC, {length}, {when}")
        if head is not root:
            self._told("Cause:", root.summary)
        self._told("Why:", root.explanation)
        if head is not root and self._details:
            self._told("Seen:", head.explanation)
        self._told("Do:", root.remedy, style="bold")
        shown = ", ".join(str(frame_name(ref, names)) for ref in head.frames[:4])
        more = ", …" if head.frame_count > 4 else ""
        self._told("Frames:", f"{shown}{more} ({head.frame_count} in all)")
        self._line()

    def _told(self, word: str, told: str, style: str = "") -> None:
        """Print a labelled paragraph, wrapped with a hanging indent."""
        table = Table.grid(padding=(0, 1))
        table.add_column(width=9, no_wrap=True, justify="left")
        table.add_column(ratio=1, overflow="fold")
        table.add_row(Text(f"  {word}", style="dim"), Text(told, style=style))
        self._console.print(table, highlight=False)

    def _codes(self, findings: list[Finding], names: list[str]) -> None:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True)
        by_identity = {finding.identity: finding for finding in findings}
        for finding in findings:
            causes = [by_identity[c].code for c in finding.caused_by if c in by_identity]
            because = f"because of {', '.join(dict.fromkeys(causes))}" if causes else ""
            span = f"{clock(finding.start, digits=3)} – {clock(finding.end, digits=3)}"
            table.add_row(
                Text(f"  {finding.code}", style=_STYLES[finding.severity]),
                Text(finding.severity.value),
                Text(finding.label.replace("_", " ")),
                Text(span),
                Text(f"{_group_words(finding.group)}  {because}"),
            )
        del names
        self._console.print(table, highlight=False)

    # Who is there

    def _group(self, group: Group, analysis: Analysis) -> None:
        """Print the nodes of a group with a bar of when each was MASTER."""
        first, last = _limits(analysis)
        wide = self._console.width >= 100
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        if wide:
            table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", max_width=30 if wide else 18)
        table.add_column(no_wrap=True)
        width = 32 if wide else 20
        if self._console.width >= 150:
            width = 64
        header = [Text(f"  {group.id}", style="bold")]
        header += [Text("system", style="dim")] if wide else []
        header += [Text("adv", style="dim"), Text("signs", style="dim")]
        axis = f"{clock(first, digits=0)}{clock(last, digits=0):>{max(width - 8, 9)}}"
        header.append(Text(axis, style="dim"))
        table.add_row(*header)
        for node in group.members:
            row = [Text(f"  {self._name(node)}")]
            row += [Text(identify(node).text)] if wide else []
            row += [Text(priority(node)), _signs(node, self._config)]
            row.append(self._bar(node, first, last, width))
            table.add_row(*row)
        self._console.print(table, highlight=False)
        self._events(group, analysis)
        self._line()

    def _name(self, node: Node) -> str:
        name = self._config.name_of(node.addresses)
        return f"{name}  {node.id}" if name else node.id

    def _bar(self, node: Node, first: Nanos, last: Nanos, width: int) -> Text:
        full, part, none = ("█", "▄", "▁") if self._bars else ("#", "+", ".")
        step = max((last - first) // width, 1)
        cells = []
        for index in range(width):
            start = first + index * step
            held = 0
            for reign in node.reigns:
                end = reign.end if reign.end is not None else reign.seen
                held += max(0, min(end, start + step) - max(reign.start, start))
                if held == 0 and start <= reign.start < start + step:
                    held = 1
            cells.append(full if held * 2 >= step else part if held else none)
        return Text("".join(cells), style="green")

    def _events(self, group: Group, analysis: Analysis) -> None:
        events = [event for event in analysis.events if event.group == group.id]
        shown = events if self._details else events[:EVENTS_SHOWN]
        for event in shown:
            took = event.end - event.start
            length = f" after {span_text(took)}" if event.label == "failover" else ""
            text = Text(f"    {clock(event.end, digits=3)}  ", style="dim")
            text.append(f"{event.label.replace('_', ' ')}: ", style="not dim")
            self._line(text.append(event.summary + length, style="not dim"))
        if len(events) > len(shown):
            self._line(Text(f"    … {len(events) - len(shown)} more events (-V shows all)"))

    def _calm(self, group: Group, analysis: Analysis) -> None:
        """Print a group without findings in one line, and its events."""
        members = group.members
        text = Text("✓ ", style="green").append(f"{_group_words(group.id)}: nothing wrong", "bold")
        now = [node for node in members if node.reign is not None or _ended_last(node)]
        master = max(now or members, key=lambda n: n.last)
        words = [identify(master).text, f"advertises {priority(master)}"]
        if master.intervals:
            mean = sum(master.intervals) / len(master.intervals) / 1e9
            spread = (max(master.intervals) - min(master.intervals)) / 2e6
            words.append(f"every {mean:.3f} s ± {spread:.1f} ms")
        throughout = " throughout" if len(members) == 1 and len(master.reigns) == 1 else " last"
        text.append(f"; {self._name(master)} MASTER{throughout} ({', '.join(words)})", "not bold")
        self._line(text)
        signs = _signs(master, self._config)
        self._line(Text("    signs ").append_text(signs))
        if len(members) == 1:
            self._line(
                "    no other node has spoken: a backup never does. If there is none, "
                "a crash is an outage"
            )
        self._events(group, analysis)


def _ended_last(node: Node) -> bool:
    return bool(node.reigns) and node.reigns[-1].ended_by == "capture"


def _is_symptom(finding: Finding, findings: list[Finding]) -> bool:
    return any(other.identity in finding.caused_by for other in findings)


def _signs(node: Node, config: Config) -> Text:
    """Say what a node signs and with which candidate."""
    track = node.authentication
    recipe = track.recipe
    if recipe is None:
        if config.passphrases and track.failed:
            return Text("nothing supplied fits ✗", style="red")
        return Text("unchecked (no -p)", style="dim")
    addresses = " ".join(ip_text(address) for address in recipe.addresses) or "no address"
    key = f"#{recipe.key.number}" if recipe.key.number else "empty passphrase"
    good = track.failed == 0
    text = Text(f"{addresses} {key} ")
    return text.append("✓" if good else f"✗ {track.failed} fail", "green" if good else "red")


def _group_words(group: str) -> str:
    """Give `vhid 1 on VLAN 10` for `vlan10/vhid1`."""
    *vlans, vhid = group.split("/")
    text = f"vhid {vhid.removeprefix('vhid')}"
    if vlans:
        text += f" on VLAN {'.'.join(v.removeprefix('vlan') for v in vlans)}"
    return text


def _limits(analysis: Analysis) -> tuple[Nanos, Nanos]:
    firsts = [c.first for c in analysis.captures if c.first is not None]
    lasts = [c.last for c in analysis.captures if c.last is not None]
    return min(firsts, default=0), max(lasts, default=1)


def _from_to(first: Nanos, last: Nanos) -> str:
    if day(first) == day(last):
        return f"{day(first)} {clock(first, digits=0)} – {clock(last, digits=0)}"
    return f"{day(first)} {clock(first, digits=0)} – {day(last)} {clock(last, digits=0)}"


def _hint(findings: list[Finding]) -> str:
    codes = dict.fromkeys(finding.code for finding in findings)
    if codes:
        return f"carpscope explain {next(iter(codes))} tells more; -V shows more, --json all"
    return "carpscope dissect shows the packets; -V shows more, --json all"
