"""The frames that matter: which ones findings and events name, why, and their bytes.

Captures are read a second time for them, by number, so that a report over a long capture
keeps a few hundred frames in memory and not a million.
"""

import io
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

import carpscope
from carpscope.auth.explain import Recipe
from carpscope.auth.verify import Verdict
from carpscope.capture.source import Capture
from carpscope.capture.writer import PcapngWriter
from carpscope.core.batch import Batch
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.text import shown
from carpscope.core.values import dataclass, field
from carpscope.pipeline import Analysis, of_interest
from carpscope.timeline.node import FRAME_BITS, frame_ref
from carpscope.wire.decode import Packet, decode

FRAMES_MAX = 5_000
"""More frames than this are no longer `what matters`; the report says how many are left out."""
_NUMBER = (1 << FRAME_BITS) - 1


@dataclass(slots=True)
class Exhibit:
    """One frame and why it is in the report."""

    ref: int
    why: list[str]
    packet: Packet | None = None
    """None where the second reading did not meet it."""
    verdict: Verdict | None = None

    @property
    def capture(self) -> int:
        """Return which capture it is of."""
        return self.ref >> FRAME_BITS

    @property
    def number(self) -> int:
        """Return its number within its capture."""
        return self.ref & _NUMBER


@dataclass(slots=True)
class Exhibits:
    """All of them, by reference, in the order of captures and frames."""

    by_ref: dict[int, Exhibit] = field(default_factory=dict)
    left_out: int = 0

    @property
    def found(self) -> list[Exhibit]:
        """Return those that were met."""
        return [exhibit for exhibit in self.by_ref.values() if exhibit.packet is not None]


def named(analysis: Analysis) -> Exhibits:
    """Collect every frame that a finding, an event or a comparison of captures names."""
    why: dict[int, list[str]] = {}

    def add(refs: Sequence[int], reason: str) -> None:
        for place, ref in enumerate(refs, 1):
            text = f"{reason} ({place} of {len(refs)})" if len(refs) > 1 else reason
            why.setdefault(ref, []).append(text)

    for finding in analysis.findings:
        add(finding.frames, f"{finding.code} {finding.label}: {finding.summary}")
    for event in analysis.events:
        add(event.frames, f"{event.label}: {event.summary}")
    if analysis.vantage is not None:
        names = [capture.name for capture in analysis.captures]
        for loss in analysis.vantage.losses:
            add(loss.frames, f"in {names[loss.seen]} only, never seen in {names[loss.missing]}")
    chosen = sorted(list(why)[:FRAMES_MAX])
    exhibits = {ref: Exhibit(ref, why[ref]) for ref in chosen}
    return Exhibits(exhibits, len(why) - len(chosen))


def fetch(exhibits: Exhibits, captures: Iterable[Capture], analysis: Analysis) -> None:
    """Read the captures again and take the frames out.

    Raises CarpscopeError where a file is no longer what was analyzed.
    """
    recipes = {key: group.recipes for key, group in analysis.observer.groups.items()}
    supplied = len(analysis.observer.keyring) > 0
    for capture, before in zip(captures, analysis.captures, strict=True):
        # only our own mistakes name what is of no interest
        batches = capture.batches if analysis.mistakes.count else of_interest(capture)
        wanted = [one.number for one in exhibits.by_ref.values() if one.capture == capture.index]
        for frame in _numbered(batches, sorted(wanted)):
            exhibit = exhibits.by_ref[frame_ref(frame.capture, frame.number)]
            packet = exhibit.packet = decode(frame)
            if analysis.vantage is not None:
                packet = analysis.vantage.renamed(packet)
            view, link = packet.advert, packet.link
            if view is not None and not view.is_cut and link is not None:
                known = recipes.get((link.vlan, view.vhid), [])
                exhibit.verdict = _verdict(known, view.counter, view.digest, supplied=supplied)
        if capture.sha256 != before.sha256:
            raise CarpscopeError(f"{before.name}: changed while it was being read")


def _numbered(batches: Iterator[Batch], wanted: Sequence[int]) -> Iterator[Frame]:
    """Read a capture to its end and give the frames of these numbers, which ascend."""
    for batch in batches:
        if not len(batch):
            continue
        first, last = batch.number(0), batch.number(-1)
        for number in wanted[bisect_left(wanted, first) : bisect_right(wanted, last)]:
            index = bisect_left(range(len(batch)), number, key=batch.number)
            if batch.number(index) == number:
                yield batch.frame(index)


def _verdict(
    recipes: Sequence[Recipe], counter: bytes, digest: bytes, *, supplied: bool
) -> Verdict:
    for recipe in recipes:
        if recipe.fits(counter, digest):
            return Verdict("verified", recipe)
    return Verdict("failed" if supplied else "unchecked")


def pcapng(exhibits: Exhibits, names: Sequence[str], digests: Mapping[int, str | None]) -> bytes:
    """Write the frames, bytes and times as captured, each with why it is here."""
    out = io.BytesIO()
    of = "; ".join(f"{shown(name)} sha256 {digests[i]}" for i, name in enumerate(names))
    writer = PcapngWriter(
        out,
        snaplen=0,
        application=f"carpscope {carpscope.__version__}",
        comment=f"The frames that the report names, untouched, of: {of}",
    )
    for exhibit in exhibits.found:
        assert exhibit.packet is not None
        frame: Frame = exhibit.packet.frame
        if not 0 <= frame.at < 1 << 64:
            continue  # pcapng cannot hold its time; to change it would be to touch it
        lines = [f"frame {exhibit.number} of {shown(names[exhibit.capture])}", *exhibit.why[:20]]
        writer.write(frame, "\n".join(shown(line) for line in lines))
    return out.getvalue()
