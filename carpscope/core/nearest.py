"""What was probably meant, where something is not known."""

from collections.abc import Iterable


def nearest(text: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?`, or nothing where none of the known names is near."""
    import difflib  # noqa: PLC0415 - only where something is mistyped

    found = difflib.get_close_matches(text, list(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""
