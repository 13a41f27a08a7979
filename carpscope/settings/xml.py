"""XML as a small tree with lines. A document type or an entity ends the reading at once."""

from xml.parsers import expat

from carpscope.core.errors import CarpscopeError
from carpscope.core.values import dataclass, field

DEPTH_MAX = 200
"""Of elements inside each other; a config.xml has a dozen."""


@dataclass(slots=True)
class Element:
    """One element: what stands directly in it, and where it begins."""

    tag: str
    line: int
    parts: list[str] = field(default_factory=list)
    children: list["Element"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return its text without blanks at both ends, as PHP's parser of config.xml gives it."""
        return "".join(self.parts).strip()

    def find(self, path: str) -> "Element | None":
        """Return the first element below, by a path of tags."""
        at: Element | None = self
        for tag in path.split("/"):
            assert at is not None
            at = next((child for child in at.children if child.tag == tag), None)
            if at is None:
                return None
        return at

    def value(self, path: str) -> str:
        """Return the text of an element below, empty if there is none."""
        found = self.find(path)
        return "" if found is None else found.text

    def all(self, path: str) -> list["Element"]:
        """Return every element below by a path; each step takes all of a tag."""
        found: list[Element] = [self]
        for tag in path.split("/"):
            found = [child for one in found for child in one.children if child.tag == tag]
        return found


class _RefusedError(Exception):
    pass


class _FoundError(Exception):
    pass


def root_tag(data: bytes, path: str) -> str:
    """Return the name of the outermost element, with what stands before it refused as well."""
    try:
        return parse(data, path, root_only=True).tag
    except _FoundError as found:
        return str(found)


def parse(data: bytes, path: str, *, root_only: bool = False) -> Element:
    """Read a document; CarpscopeError with file, line and reason where it is refused."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    stack: list[Element] = []
    root: list[Element] = []

    def start(tag: str, _attributes: dict[str, str]) -> None:
        element = Element(tag, parser.CurrentLineNumber)
        if root_only:
            raise _FoundError(tag)
        if stack:
            stack[-1].children.append(element)
        else:
            root.append(element)
        stack.append(element)
        if len(stack) > DEPTH_MAX:
            raise _RefusedError(f"elements lie more than {DEPTH_MAX} deep in each other")

    def end(_tag: str) -> None:
        stack.pop()

    def text(piece: str) -> None:
        if stack:
            stack[-1].parts.append(piece)

    def doctype(*_: object) -> None:
        raise _RefusedError("a document type (DOCTYPE) is refused: it could define entities")

    def entity(*_: object) -> None:
        raise _RefusedError("an entity is refused")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = entity
    parser.SkippedEntityHandler = entity
    parser.UnparsedEntityDeclHandler = entity
    try:
        parser.Parse(data, True)
    except _RefusedError as refused:
        raise CarpscopeError(f"{path}:{parser.CurrentLineNumber}: {refused}") from None
    except expat.ExpatError as problem:
        told = expat.ErrorString(problem.code) or "not well-formed"
        if "entity" in told:
            told = "an entity beyond the five of XML is refused"
        raise CarpscopeError(f"{path}:{problem.lineno}: XML: {told}") from None
    except (LookupError, ValueError):
        raise CarpscopeError(f"{path}:1: XML: its encoding is not known") from None
    if not root:
        raise CarpscopeError(f"{path}:1: XML: no element")
    return root[0]
