"""Our own mistakes as a person meets them: one line, exit status 70, with --debug the traceback."""

import sys

TYPE_CHECKING = False  # as in typing, which takes too long to import for `--help`
if TYPE_CHECKING:
    from carpscope.core.mistakes import Mistakes


def crashed(problem: Exception, *, debug: bool) -> int:
    """Tell of a mistake that ends the run; return the exit status."""
    from carpscope.core import mistakes

    if debug:
        print(mistakes.trace(problem), file=sys.stderr)
    print(f"carpscope: {mistakes.sentence(mistakes.place(problem))}", file=sys.stderr)
    return mistakes.EX_SOFTWARE


def report_mistakes(found: "Mistakes", *, debug: bool) -> int:
    """Tell of those that a run went on after; return the exit status."""
    from carpscope.core import mistakes

    kinds = list(found)
    if debug:
        for one in kinds:
            print(f"{one.where}:\n{one.trace}", file=sys.stderr)
    said = "; ".join(one.text for one in kinds[:4])
    print(f"carpscope: {mistakes.sentence(said)}", file=sys.stderr)
    return mistakes.EX_SOFTWARE
