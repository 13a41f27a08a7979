"""What a shell makes of text: words and assignments. Nothing is ever run.

A variable is known if a file assigned it a literal before; everything else (a command, a
parameter, a name nobody assigned) becomes the sign UNKNOWN, `$$` and `$RANDOM` become VARIES.
Every character is looked at once.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from operator import itemgetter

from carpscope.core.values import dataclass, field
from carpscope.settings.model import UNKNOWN, VARIES

Lookup = Callable[[str], str | None]

EXPANDED_MAX = 1 << 20
"""What variables may add to the text of a node's files; `a="$a$a"` doubles with every line."""
_BLANK = " \t"
_OPERATORS = ";&|()<>\n"
_NAME_START = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_NAME = _NAME_START + "0123456789"
_COMPOUND = {"if": 1, "case": 1, "for": 1, "while": 1, "until": 1, "fi": -1, "esac": -1, "done": -1}
_IN_QUOTES = '$`"\\\n'


@dataclass(slots=True)
class Word:
    """One word: what it becomes, how it was written, on which lines."""

    value: str
    raw: str
    line: int
    marks: list[tuple[int, int]] = field(default_factory=list)
    """Where in the value a new line of the file begins, and which."""

    def line_at(self, offset: int) -> int:
        """Return the line on which a place of the value stands."""
        at = bisect_right(self.marks, offset, key=itemgetter(0))
        return self.marks[at - 1][1] if at else self.line


class Unfinished(Exception):  # noqa: N818 - not an error of ours: the text ends inside a quote
    """The text ends inside quotes: a shell refuses all of it."""


class Lexer:
    """Cuts text into commands of words."""

    def __init__(self, text: str, lookup: Lookup, *, line: int = 1, splits: bool = True) -> None:
        """Take the text; `splits`: what an unquoted variable holds is cut at blanks."""
        self._text = text
        self._lookup = lookup
        self._at = 0
        self.line = line
        self._splits = splits
        self.ended_by = ""
        """The operator behind the last command."""

    def commands(self) -> Iterator[list[Word]]:
        """Give every command, empty ones left out."""
        while self.more:
            words = self.command()
            if words:
                yield words

    @property
    def more(self) -> bool:
        """Tell whether there is text left."""
        return self._at < len(self._text)

    def command(self) -> list[Word]:
        """Give the words up to the next operator."""
        words: list[Word] = []
        text = self._text
        self.ended_by = ""
        while self._at < len(text):
            char = text[self._at]
            if char in _BLANK:
                self._at += 1
            elif char == "\\" and text.startswith("\\\n", self._at):
                self._at += 2
                self.line += 1
            elif char == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            elif char in _OPERATORS:
                self._at += 1
                self.ended_by = char
                self.line += char == "\n"
                if char in "<>":  # a redirection: its target is no word of the command
                    continue
                break
            else:
                words += self._word(first=not words)
        return words

    def _word(self, *, first: bool) -> list[Word]:
        text, start, line = self._text, self._at, self.line
        done: list[Word] = []
        out: list[str] = []
        marks: list[tuple[int, int]] = []
        length = 0
        filled = False
        assigned: bool | None = None

        def put(piece: str) -> None:
            nonlocal length, filled
            out.append(piece)
            length += len(piece)
            filled = True

        def close(end: int) -> None:
            nonlocal out, marks, length, filled, start, line
            if filled:
                done.append(Word("".join(out), text[start:end], line, marks))
            out, marks, length, filled, start, line = [], [], 0, False, end, self.line

        while self._at < len(text):
            char = text[self._at]
            if char in _BLANK or char in _OPERATORS:
                break
            if char == "'":
                end = text.find("'", self._at + 1)
                if end < 0:
                    raise Unfinished
                for number, piece in enumerate(text[self._at + 1 : end].split("\n")):
                    if number:
                        put("\n")
                        self.line += 1
                        marks.append((length, self.line))
                    put(piece)
                filled = True
                self._at = end + 1
            elif char == '"':
                self._at += 1
                filled = True
                while self._at < len(text) and text[self._at] != '"':
                    if text[self._at] == "\n":
                        put("\n")
                        self._at += 1
                        self.line += 1
                        marks.append((length, self.line))
                        continue
                    piece, continued = self._quoted()
                    put(piece)
                    if continued:
                        marks.append((length, self.line))
                if self._at >= len(text):
                    raise Unfinished
                self._at += 1
            elif char == "\\":
                if self._at + 1 >= len(text):
                    self._at += 1
                    continue
                follows = text[self._at + 1]
                self._at += 2
                if follows == "\n":
                    self.line += 1
                    marks.append((length, self.line))
                else:
                    put(follows)
            elif char in "$`":
                piece = self._expansion()
                # what is assigned is never cut, and neither is what follows an equals sign
                if assigned is None:
                    assigned = not self._splits or (first and "=" in text[start : self._at])
                if assigned:
                    put(piece)
                    continue
                parts = piece.split()
                if piece[:1].isspace():
                    close(self._at)
                for number, part in enumerate(parts):
                    if number:
                        close(self._at)
                    put(part)
                if parts and piece[-1:].isspace():
                    close(self._at)
            else:
                put(char)
                self._at += 1
        close(self._at)
        return done

    def _quoted(self) -> tuple[str, bool]:
        """Take one piece inside double quotes; also tell of a joined line."""
        text = self._text
        char = text[self._at]
        if char == "\\" and self._at + 1 < len(text) and text[self._at + 1] in _IN_QUOTES:
            follows = text[self._at + 1]
            self._at += 2
            if follows == "\n":
                self.line += 1
                return "", True
            return follows, False
        if char in "$`":
            return self._expansion(), False
        start = self._at
        self._at += 1
        while self._at < len(text) and text[self._at] not in _IN_QUOTES:
            self._at += 1
        return text[start : self._at], False

    def _expansion(self) -> str:
        text = self._text
        if text[self._at] == "`":
            self._skip_to("`", self._at + 1)
            return UNKNOWN
        follows = text[self._at + 1 : self._at + 2]
        if follows == "(":
            self._skip_parenthesis()
            return UNKNOWN
        if follows == "{":
            start = self._at + 2
            self._skip_to("}", start)
            return self._value(text[start : self._at - 1])
        if follows == "$":
            self._at += 2
            return VARIES
        if follows and follows in _NAME_START:
            end = self._at + 1
            while end < len(text) and text[end] in _NAME:
                end += 1
            name = text[self._at + 1 : end]
            self._at = end
            return self._value(name)
        if follows and follows in "0123456789@*#?!-":
            self._at += 2
            return UNKNOWN
        self._at += 1
        return "$"

    def _value(self, name: str) -> str:
        if name == "$":
            return VARIES
        if name == "RANDOM":
            return VARIES
        value = self._lookup(name)
        return UNKNOWN if value is None else value

    def _skip_to(self, sign: str, start: int) -> None:
        text = self._text
        at = start
        while at < len(text) and text[at] != sign:
            at += 2 if text[at] == "\\" else 1
        if at >= len(text):
            raise Unfinished
        self.line += text.count("\n", self._at, at)
        self._at = at + 1

    def _skip_parenthesis(self) -> None:
        text, depth, at = self._text, 0, self._at + 1
        while at < len(text):
            char = text[at]
            if char == "\\":
                at += 1
            elif char == "'":
                closed = text.find("'", at + 1)
                at = len(text) if closed < 0 else closed
            elif char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
                if depth == 0:
                    break
            at += 1
        if at >= len(text):
            raise Unfinished
        self.line += text.count("\n", self._at, at)
        self._at = at + 1


def evaluated(text: str, lookup: Lookup) -> list[list[Word]]:
    """Give what `eval` makes of text: its commands; none where quotes do not end."""
    try:
        return list(Lexer(text, lookup).commands())
    except Unfinished:
        return []


@dataclass(slots=True)
class Variable:
    """What a name was assigned last."""

    value: str
    word: Word
    path: str
    raw: str
    """As written behind the equals sign."""


class Script:
    """Files of assignments that one shell reads one after the other."""

    def __init__(self) -> None:
        """Begin without variables."""
        self.variables: dict[str, Variable] = {}
        self._left = EXPANDED_MAX
        self.broken: list[tuple[str, int]] = []
        """Files a shell refuses, since a quote does not end."""

    def value(self, name: str) -> str:
        """Return a variable's text, empty where it is not set."""
        found = self.variables.get(name)
        return "" if found is None else found.value

    def lookup(self, name: str) -> str | None:
        """Expand a variable: None if nobody assigned it a literal, or there was too much."""
        found = self.variables.get(name)
        if found is None or len(found.value) > self._left:
            return None
        self._left -= len(found.value)
        return found.value

    def read(self, text: str, path: str) -> list[list[Word]]:
        """Take a file's assignments in; return its other commands."""
        lexer = Lexer(text, self.lookup)
        others: list[list[Word]] = []
        depth = 0
        while lexer.more:
            try:
                words = lexer.command()
            except Unfinished:
                self.broken.append((path, lexer.line))
                break
            if not words:
                continue
            depth = max(0, depth + _COMPOUND.get(words[0].raw, 0))
            conditional = depth > 0 or lexer.ended_by == "|"
            if words[0].raw in {"then", "do", "else", "export", "readonly"}:
                words = words[1:]
            rest = self._assign(words, path, conditional=conditional)
            if rest:
                others.append(rest)
        return others

    def _assign(self, words: list[Word], path: str, *, conditional: bool) -> list[Word]:
        for index, word in enumerate(words):
            name, equals, _ = word.raw.partition("=")
            if not equals or not name or name[0] not in _NAME_START or set(name) - set(_NAME):
                return words[index:]  # what stands before a command is set for it alone
        for word in words:
            name, _, raw = word.raw.partition("=")
            skip = len(name) + 1
            value = UNKNOWN if conditional else word.value[skip:]
            marks = [(max(0, at - skip), line) for at, line in word.marks]
            inner = Word(value, raw, word.line, marks)
            self.variables[name] = Variable(value, inner, path, raw)
        return []
