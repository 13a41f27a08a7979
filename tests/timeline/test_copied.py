"""What another capture holds of a node says when it was received there."""

from carpscope.core.units import MILLISECOND
from carpscope.timeline.group import Group
from tests.detect.stage import VIEW

SENDER, OTHER = b"\x0a\0\0\3", b"\x0a\0\0\2"
AT = 1_000 * MILLISECOND


def test_others_may_count_on_from_a_copy_and_its_sender_may_not() -> None:
    """At B a worse claim comes before B's own; by the other capture's clock it comes after that."""
    group = Group((), 7)
    group.copied.append((AT, 383, SENDER))
    assert (AT, 383) in group.heard(OTHER, None, VIEW).recent
    assert group.heard(SENDER, None, VIEW).recent == ()
