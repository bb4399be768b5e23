"""What the fixes of the checks are made of: statements and calls at a place, and edits of them.

Whatever cannot be edited in a way that is certain to be right gives no edit at all: an empty list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import cast

from osler.model import Edit, Page, Pages, Place
from osler.static.sources import Source, dotted
from osler.static.walking import walk

SIMPLE = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant)
"""Expressions that mean the same wherever they stand."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A statement in its file.

    Attributes:
        page: the file.
        statement: one that fills its lines alone.
        block: the statements that it stands among.
    """

    page: Page
    statement: ast.stmt
    block: list[ast.stmt]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A call in its file."""

    page: Page
    call: ast.Call


def page_of(source: Source) -> Page | None:
    """The file, if it can be edited: a notebook is more than its code."""
    if source.tree is None or source.cells:
        return None
    lines = source.text.split("\n")
    starts = (0, *accumulate(len(line) + 1 for line in lines))
    return Page(source.file, source.text, source.tree, starts)


def statement_at(pages: Pages, place: Place) -> Spot | None:
    """The one simple statement at a line."""
    page = pages.get(place.file)
    if page is None:
        return None
    here = [
        Spot(page, s, block)
        for block in _blocks(page.tree)
        for s in block
        if s.lineno <= place.line <= (s.end_lineno or s.lineno)
        and not (blocks_of(s) or isinstance(s, ast.Match))
    ]
    return here[0] if len(here) == 1 and fills_its_lines(here[0]) else None


def statement_around(
    pages: Pages, place: Place, kind: type[ast.stmt] | tuple[type[ast.stmt], ...]
) -> Spot | None:
    """The innermost statement of a kind that contains a line."""
    page = pages.get(place.file)
    if page is None:
        return None
    around = [
        Spot(page, s, block)
        for block in _blocks(page.tree)
        for s in block
        if isinstance(s, kind) and s.lineno <= place.line <= (s.end_lineno or s.lineno)
    ]
    return max(around, key=lambda spot: spot.statement.lineno, default=None)


def call_at(pages: Pages, place: Place, *names: str) -> Phrase | None:
    """The one call at a line of a function or method whose last name is one of these."""
    page = pages.get(place.file)
    found = [] if page is None else [c for c in calls(page.tree) if c.func.end_lineno == place.line]
    named = [c for c in found if last_name(c) in names]
    return Phrase(page, named[0]) if page is not None and len(named) == 1 else None


def calls_in(spot: Spot, name: str) -> list[ast.Call]:
    """Calls of this last name inside a statement."""
    return [c for c in calls(spot.statement) if last_name(c) == name]


def last_name(call: ast.Call) -> str:
    """``softmax`` of ``F.softmax(x)`` and of ``x.softmax(1)``."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def text_of(page: Page, node: ast.AST) -> str:
    """The source of a node."""
    start, end = span(page, node)
    return page.text[start:end]


def span(page: Page, node: ast.AST) -> tuple[int, int]:
    """Where a node begins and ends, in characters."""
    place = cast("ast.expr", node)
    return (
        position(page, place.lineno, place.col_offset),
        position(page, place.end_lineno or place.lineno, place.end_col_offset or 0),
    )


def position(page: Page, line: int, column: int) -> int:
    """The position of a column that is counted in bytes of UTF-8, as the parser does."""
    start, end = page.starts[line - 1], page.starts[line]
    before = page.text[start:end].encode("utf-8", "surrogatepass")[:column]
    return start + len(before.decode("utf-8", "surrogatepass"))


def fills_its_lines(spot: Spot) -> bool:
    """Nothing else stands on the lines of the statement, a comment excepted."""
    page, (start, end) = spot.page, span(spot.page, spot.statement)
    before = page.text[_line_start(page, start) : start]
    behind = page.text[end : _line_end(page, end)].strip()
    return not before.strip() and (not behind or behind.startswith("#"))


def indent_of(spot: Spot) -> str:
    """What stands before the statement."""
    start, _ = span(spot.page, spot.statement)
    return spot.page.text[_line_start(spot.page, start) : start]


def insert_after(spot: Spot, text: str) -> list[Edit]:
    """Another statement on a line of its own behind this one."""
    page, (_, end) = spot.page, span(spot.page, spot.statement)
    at = _line_end(page, end)
    return [Edit(page.file, at, at, f"\n{indent_of(spot)}{text}")] if fills_its_lines(spot) else []


def insert_before(spot: Spot, text: str) -> list[Edit]:
    """Another statement on a line of its own before this one."""
    page, (start, _) = spot.page, span(spot.page, spot.statement)
    at = _line_start(page, start)
    is_first = not page.text[at:start].strip()
    return [Edit(page.file, at, at, f"{indent_of(spot)}{text}\n")] if is_first else []


def insert_first(spot: Spot, text: str) -> list[Edit]:
    """Another statement at the head of the body of this compound one, behind its docstring."""
    body = cast("list[ast.stmt]", getattr(spot.statement, "body", []))
    if len(body) > 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if not body or body[0].lineno == spot.statement.lineno:
        return []
    return insert_before(Spot(spot.page, body[0], body), text)


def remove(spot: Spot) -> list[Edit]:
    """Take the statement out with its lines; a block must not become empty."""
    page, (start, end) = spot.page, span(spot.page, spot.statement)
    if not fills_its_lines(spot):
        return []
    if len(spot.block) == 1:
        return [Edit(page.file, start, end, "pass")]
    return [Edit(page.file, _line_start(page, start), min(_line_end(page, end) + 1, len(page.text)), "")]


def move_behind(spot: Spot, other: Spot) -> list[Edit]:
    """Take the statement, with its lines, behind another one of the same block."""
    at = _line_end(other.page, span(other.page, other.statement)[1])
    return _moved(spot, other, at, f"\n{_lines(spot)}")


def move_before(spot: Spot, other: Spot) -> list[Edit]:
    """Take the statement, with its lines, before another one of the same block."""
    at = _line_start(other.page, span(other.page, other.statement)[0])
    return _moved(spot, other, at, f"{_lines(spot)}\n")


def _moved(spot: Spot, other: Spot, at: int, text: str) -> list[Edit]:
    if spot.block is not other.block or not (fills_its_lines(spot) and fills_its_lines(other)):
        return []
    return together(remove(spot), [Edit(spot.page.file, at, at, text)])


def _lines(spot: Spot) -> str:
    start, end = span(spot.page, spot.statement)
    return spot.page.text[_line_start(spot.page, start) : _line_end(spot.page, end)]


def only_call(pages: Pages, file: str, name: str) -> Phrase | None:
    """The one call in a file of a function that is written as ``module.name``."""
    page = pages.get(file)
    named = [c for c in calls(page.tree) if last_name(c) == name] if page is not None else []
    if page is None or len(named) != 1 or not isinstance(named[0].func, ast.Attribute):
        return None
    return Phrase(page, named[0])


def renamed(phrase: Phrase | None, name: str) -> list[Edit]:
    """The edit that calls another function, if there is such a call."""
    return rename(phrase, name) if phrase is not None and isinstance(phrase.call.func, ast.Attribute) else []


def rename(phrase: Phrase, name: str) -> list[Edit]:
    """Call another function or method in the same place."""
    page, call = phrase.page, phrase.call
    _, end = span(page, call.func)
    start = end - len(last_name(call))
    return [Edit(page.file, start, end, name)] if page.text[start:end] == last_name(call) else []


def unwrap(phrase: Phrase, inner: ast.expr) -> list[Edit]:
    """Leave only this part of a call."""
    page, (start, end) = phrase.page, span(phrase.page, phrase.call)
    first, last = span(page, inner)
    before, behind = ("", "") if isinstance(inner, SIMPLE) else ("(", ")")
    return [Edit(page.file, start, first, before), Edit(page.file, last, end, behind)]


def replaced(page: Page, node: ast.AST, text: str) -> Edit:
    """Another text for a node."""
    start, end = span(page, node)
    return Edit(page.file, start, end, text)


def add_argument(phrase: Phrase, text: str) -> list[Edit]:
    """One more argument behind the others."""
    page, given = phrase.page, [*phrase.call.args, *phrase.call.keywords]
    _, closing = span(page, phrase.call)
    at = max((span(page, a)[1] for a in given), default=closing - 1)
    return [Edit(page.file, at, at, f", {text}" if given else text)]


def remove_item(page: Page, items: list[ast.expr], item: ast.expr) -> list[Edit]:
    """Take an argument out of a list of at least two, with the comma before it or behind it."""
    number = items.index(item)
    if len(items) < 2:
        return []
    start, end = span(page, item)
    if number:
        return [Edit(page.file, span(page, items[number - 1])[1], end, "")]
    return [Edit(page.file, start, span(page, items[1])[0], "")]


def put_under(spot: Spot, head: str) -> list[Edit]:
    """Indent the statement under a line like ``with torch.no_grad():``; no text over several lines moves."""
    page, (start, end) = spot.page, span(spot.page, spot.statement)
    texts = (n for n in walk(spot.statement) if isinstance(n, ast.Constant | ast.JoinedStr))
    if any(n.lineno != n.end_lineno for n in texts):
        return []
    at, indent = _line_start(page, start), indent_of(spot)
    inner = [f"    {line}" if line.strip() else line for line in page.text[at:end].split("\n")]
    return [Edit(page.file, at, end, "\n".join([f"{indent}{head}", *inner]))] if not indent.strip() else []


def imports(page: Page, module: str) -> bool:
    """The file has this module under its own name."""
    found = (n for n in walk(page.tree) if isinstance(n, ast.Import))
    return any(a.name.partition(".")[0] == module and not a.asname for n in found for a in n.names)


def first_import(page: Page) -> Spot | None:
    """The first import of the file, those of `__future__` excepted."""
    body = page.tree.body
    for s in body:
        if isinstance(s, ast.Import) or (isinstance(s, ast.ImportFrom) and s.module != "__future__"):
            return Spot(page, s, body)
    return None


def together(*parts: list[Edit]) -> list[Edit]:
    """All of them, or none if one of them cannot be made."""
    return [edit for part in parts for edit in part] if all(parts) else []


def applied(text: str, edits: list[Edit]) -> str:
    """The text after all edits of one file; those that overlap leave it as it is."""
    ordered = sorted(edits, key=lambda e: (e.start, e.end))
    if any(one.end > other.start for one, other in pairwise(ordered)):
        return text
    pieces: list[str] = []
    at = 0
    for edit in ordered:
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


def receiver(page: Page, call: ast.Call) -> str:
    """``self.optimizer`` of ``self.optimizer.step()``, if it is only names."""
    return (
        text_of(page, call.func.value) if isinstance(call.func, ast.Attribute) and dotted(call.func) else ""
    )


def _line_start(page: Page, at: int) -> int:
    return page.text.rfind("\n", 0, at) + 1


def _line_end(page: Page, at: int) -> int:
    found = page.text.find("\n", at)
    return len(page.text) if found < 0 else found


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call below."""
    return (node for node in walk(tree) if isinstance(node, ast.Call))


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in walk(tree):
        yield from blocks_of(node)


def blocks_of(node: ast.AST) -> list[list[ast.stmt]]:
    """The blocks that a statement, or another part of a program, consists of."""
    found = (getattr(node, name, None) for name in ("body", "orelse", "finalbody"))
    return [cast("list[ast.stmt]", b) for b in found if isinstance(b, list) and b]
