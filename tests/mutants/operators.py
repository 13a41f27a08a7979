"""What a mutant is: one small change to one place of a module, as a slip of the hand makes it.

Left alone is what says nothing about behaviour: annotations, docstrings, decorators, messages
(text with spaces in it), `assert`, which only guards against ourselves.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

_SWAPPED: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv,),
    ast.FloorDiv: (ast.Mult,),
    ast.Div: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitAnd,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Continue: (ast.Break,),
    ast.Break: (ast.Pass,),
}
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_WORD = re.compile(r"[A-Za-z0-9_./-]+")
_SHOWN = 70
"""Characters of a change that are shown: it grows to what surrounds it up to here."""
_TYPES = {"NewType", "TypeVar", "cast"}

_OPERATORS = ast.operator | ast.cmpop | ast.boolop | ast.unaryop


class Mutant(NamedTuple):
    """One change; `name` stays the same while the code around it moves."""

    path: str
    number: int
    """Which of the changes of its file, in order."""
    scope: str
    """The outermost function that holds it, with its class; empty at the module's level."""
    first: int
    last: int
    """The lines of which one is run when it is."""
    before: str
    after: str
    ordinal: int
    """Which of those that read alike in their scope."""

    @property
    def name(self) -> str:
        """Return what it is known by."""
        same = f" #{self.ordinal}" if self.ordinal > 1 else ""
        return f"{self.path} {self.scope or 'module'}: {self.before} -> {self.after}{same}"


class _Site(NamedTuple):
    """A place and what may stand there instead."""

    parent: ast.AST
    field: str
    at: int | None
    old: ast.AST
    new: ast.AST
    scope: str
    lines: tuple[int, int]
    around: tuple[ast.AST, ...]

    def put(self, node: ast.AST) -> None:
        """Put a node in the place."""
        if self.at is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.at] = node


def mutants(path: str, source: str) -> list[Mutant]:
    """Give every mutant of a file."""
    found, seen = [], Counter[tuple[str, str, str]]()
    for number, site in enumerate(_sites(ast.parse(source, path))):
        shown = site.old
        for node in reversed(site.around):
            bare = isinstance(shown, _OPERATORS)
            if isinstance(node, ast.mod) or (len(_text(node)) > _SHOWN and not bare):
                break
            shown = node
        holder = site.parent if shown is site.old else None
        before = _text(shown)
        site.put(site.new)
        after = _text(site.new if holder is not None else shown)
        site.put(site.old)
        before, after = _short(before, after)
        seen[site.scope, before, after] += 1
        ordinal = seen[site.scope, before, after]
        found.append(Mutant(path, number, site.scope, *site.lines, before, after, ordinal))
    return found


def _alike(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def mutated(source: str, mutant: Mutant) -> ast.Module:
    """Give the module with the change in it."""
    tree = ast.parse(source, mutant.path)
    for number, site in enumerate(_sites(tree)):
        if number == mutant.number:
            site.put(site.new)
            return tree
    raise ValueError(f"{mutant.path} has no mutant {mutant.number}")


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.comprehension | ast.match_case | ast.ExceptHandler):
        return " " * (_SHOWN + 1)  # never shown by itself
    return " ".join(ast.unparse(node).split())


def _short(before: str, after: str) -> tuple[str, str]:
    """Leave out of two long texts what is far from the difference."""
    if max(len(before), len(after)) <= 2 * _SHOWN:
        return before, after
    same = _alike(before, after)
    tail = _alike(before[same:][::-1], after[same:][::-1])
    head, tail = max(same - 40, 0), max(tail - 25, 0)
    cut = [text[head : len(text) - tail] for text in (before, after)]
    marks = ("…" if head else "", "…" if tail else "")
    return f"{marks[0]}{cut[0][:99]}{marks[1]}", f"{marks[0]}{cut[1][:99]}{marks[1]}"


def _sites(tree: ast.Module) -> Iterator[_Site]:
    yield from _below(tree, "", (1, 1), (tree,))


def _below(
    node: ast.AST, scope: str, lines: tuple[int, int], around: tuple[ast.AST, ...]
) -> Iterator[_Site]:
    """Walk what may be mutated, in order, with what it stands in."""
    for field, value in ast.iter_fields(node):
        if field in _skipped(node):
            continue
        listed = isinstance(value, list)
        for index, child in enumerate(value if listed else [value]):
            if not isinstance(child, ast.AST) or _is_left_alone(child, node):
                continue
            inner, span = scope, lines
            if isinstance(child, ast.stmt | ast.match_case):
                span = _header(child)
            for new in _instead(child, node, field):
                ast.copy_location(new, child)
                ast.fix_missing_locations(new)
                place = index if listed else None
                yield _Site(node, field, place, child, new, scope, span, around)
            if isinstance(child, ast.FunctionDef) and not scope.endswith("()"):
                # Its defaults are run with the module, its body when it is called.
                yield from _below(child.args, scope, span, (*around, child))
                inner = f"{scope}.{child.name}()".removeprefix(".")
            elif isinstance(child, ast.ClassDef) and not scope.endswith("()"):
                inner = f"{scope}.{child.name}".removeprefix(".")
            yield from _below(child, inner, span, (*around, child))


def _skipped(node: ast.AST) -> tuple[str, ...]:
    """Name the fields of a node that hold no behaviour."""
    match node:
        case ast.FunctionDef():
            return ("decorator_list", "returns", "args")
        case ast.ClassDef():
            return ("decorator_list", "bases", "keywords")
        case ast.AnnAssign() if "TypeAlias" in ast.unparse(node.annotation):
            return ("annotation", "value")
        case ast.AnnAssign() | ast.arg():
            return ("annotation",)
        case ast.FormattedValue():
            return ("format_spec",)
        case ast.Call(func=ast.Name(id=name)) if name in _TYPES:
            return ("args", "keywords")
        case ast.ExceptHandler():
            return ("type",)
        case ast.Attribute() | ast.Name():
            return ("ctx",)
    return ()


def _is_left_alone(child: ast.AST, parent: ast.AST) -> bool:
    match child:
        case ast.Assert() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Constant()):
            return True  # a docstring
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__slots__" | "__all__")]):
            return True
        case ast.Constant():
            return isinstance(parent, ast.JoinedStr)
    return False


def _header(node: ast.stmt | ast.match_case) -> tuple[int, int]:
    """Give the lines of a statement without those of its blocks."""
    if isinstance(node, ast.match_case):
        end = (node.guard or node.pattern).end_lineno
        return node.pattern.lineno, end or node.pattern.lineno
    if isinstance(node, ast.Try):
        return node.lineno, node.body[0].lineno
    body = getattr(node, "body", None)
    last = node.end_lineno or node.lineno
    return node.lineno, max(body[0].lineno - 1, node.lineno) if body else last


def _instead(node: ast.AST, parent: ast.AST, field: str) -> Iterator[ast.AST]:
    """Give what may stand in the place of a node."""
    if isinstance(node, ast.Add) and _joins_text(parent):
        return
    yield from (kind() for kind in _SWAPPED.get(type(node), ()))
    match node:
        case ast.Constant(value=value):
            yield from map(ast.Constant, _other_values(value, parent))
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.BoolOp(op=op, values=values) if len(values) > 2:
            for left_out in values:
                yield ast.BoolOp(op, [value for value in values if value is not left_out])
        case ast.Call(func=ast.Name(id=name)) if name in _TWINS:
            yield ast.Call(ast.Name(_TWINS[name], ast.Load()), node.args, node.keywords)
        case ast.Call(func=ast.Name(id="sorted"), args=args, keywords=[]):
            yield ast.Call(ast.Name("list", ast.Load()), args, [])
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Return(value=None):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.Return(value=value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
    asked = field == "test" or (field == "ifs" and isinstance(parent, ast.comprehension))
    if asked and isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
        yield ast.UnaryOp(ast.Not(), node)


def _joins_text(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(left=left, right=right):
            return any(
                isinstance(side, ast.JoinedStr)
                or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))
                or _joins_text(side)
                for side in (left, right)
            )
        case ast.AugAssign(value=value):
            return isinstance(value, ast.JoinedStr)
    return False


def _other_values(value: object, parent: ast.AST) -> Iterator[bool | int | float | str | bytes]:
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
            if not isinstance(parent, ast.keyword):
                yield value - 1
        case float():
            yield value + 1
        case str() if _WORD.fullmatch(value) and not isinstance(parent, ast.Raise):
            yield f"{value}X"
        case bytes():
            yield value[:-1] if value else b"\1"
