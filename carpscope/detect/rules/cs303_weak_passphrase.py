"""A group is signed with an empty passphrase or one of the words that manuals print.

What it means
    Anyone on the segment can verify a guess with one captured advertisement, and then make
    valid ones: take the addresses over, or keep everyone silent.

How it is seen
    The HMAC verifies with the empty key (which needs no secret to test), or with a
    candidate that is a word from the usual manuals.

False alarms
    None: it verifies. A laboratory may not care.

What to do
    Choose 19 random characters and set them on every node, the backup first.

Sources
    ifconfig(8), carp(4) and their copies; kernels use the all-zero key when none is set.
"""

from collections.abc import Iterator

from carpscope.auth.keyring import EMPTY_KEY
from carpscope.detect import commands
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context, Rule
from carpscope.detect.words import listed
from carpscope.timeline.facts import Fact
from carpscope.timeline.node import Node


class Weak:
    """Looks at what verified."""

    def __init__(self, context: Context) -> None:
        """Keep the context: it knows which candidates are weak."""
        self._context = context

    def see(self, fact: Fact) -> None:
        """Take nothing: what verifies is known at the end."""

    def findings(self, at: int) -> Iterator[Finding]:
        """Give one finding for each group."""
        del at
        for group in self._context.groups:
            weak: dict[str, tuple[Node, str]] = {}
            frames: set[int] = set()
            times: list[int] = []
            count = 0
            for node in group.members:
                for span in node.authentication.spans:
                    recipe = span.recipe
                    if recipe is None or not self._context.keyring.is_weak(recipe.key.number):
                        continue
                    weak[node.id] = (node, recipe.key.label)
                    frames |= {span.first, span.last}
                    times += [span.start, span.end]
                    count += span.count
            if not weak:
                continue
            kinds = listed(dict.fromkeys(label for _, label in weak.values()))
            vhid = group.vhid
            how = dict.fromkeys(commands.to_set_passphrase(node, vhid) for node, _ in weak.values())
            empty = any(label == EMPTY_KEY.label for _, label in weak.values())
            yield Finding(
                code=RULE.code,
                label=RULE.label,
                severity=RULE.severity,
                confidence=0.99,
                group=group.id,
                nodes=tuple(weak),
                start=min(times),
                end=max(times),
                frames=tuple(sorted(frames))[:24],
                frame_count=count,
                summary=(
                    f"{listed(weak)} sign{'s' if len(weak) == 1 else ''} with {kinds}, "
                    + ("which is no secret" if empty else "a word that manuals print")
                ),
                explanation=(
                    f"{count} advertisement{'s verify' if count > 1 else ' verifies'} with "
                    f"{kinds}. One captured packet is enough to test a guess, and who guesses it "
                    "can take the addresses over or keep every node silent."
                ),
                remedy=(
                    "Set a random passphrase of 19 characters on every node, the backup first: "
                    f"{' or '.join(how)}."
                ),
            )


RULE = Rule(
    "CS303",
    "weak_passphrase",
    "The passphrase is known",
    Severity.WARNING,
    Weak,
    plain="the passphrase that protects {address} is one that others know or can guess",
)
