"""Layers that `__init__` declares and that no line of the files, read together, ever names again."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osler.model import External, IdleFact, Maybe, Network, Place
from osler.static.classes import bases_from_outside, is_module
from osler.static.mentions import mentions
from osler.static.sources import Source, dotted
from osler.static.values import Class, Function, Instance, UserNetwork
from osler.static.walking import walk

NO_USE = re.compile(
    r"#.*|(?:^|;)[ \t]*(?:((torch\.)?nn\.)?init\.|self\.\w+\.(?:weight|bias)\.[\w.]*_\()[^;\n]*", re.MULTILINE
)
"""Text that uses nothing: comments, and lines that give weights their first values."""

READ = re.compile(r"\bself\.(\w+)\b(?!\s*(?::[^=\n]*)?=(?!=))")
"""`self.name` where it is not given a value."""

FINDS_BY_ITSELF = re.compile(
    r"\b(getattr|__getattr\w*|_modules|(named_)?children|named_modules|get_submodule|__dict__|vars|eval|exec)\b|list\(self\.modules\("
)
"""What a class may reach its parts by without naming them."""

TAKES_APART = frozenset({"children", "named_children", "_modules"})
"""Attributes by which somebody else may get at all parts of a model."""


@dataclass(frozen=True, slots=True)
class Declared:
    """`self.name = layer` in the `__init__` of a class that does not read it anywhere."""

    cls: Class
    name: str
    statement: ast.stmt
    part: Network


def idle_parts(sources: Sequence[Source], classes: Sequence[Class]) -> Iterator[IdleFact]:
    """Parts that are declared and never used, in the order of the classes."""
    once = {c.key: c for c in classes}
    waiting = [d for cls in once.values() for d in _unread(cls)]
    if not waiting or any(map(_calls_what_it_takes_apart, sources)):
        return
    for declared in waiting:
        family = _family(declared.cls, classes)
        forward = next((f for c in family if isinstance(f := c.names.get("forward"), Function)), None)
        if forward is None or not all(map(_is_plain, family)) or any(map(_looks_up, family)):
            continue
        if not _uses_others(declared.cls, family):
            continue
        heirs = [c for c in family if declared.cls in c.lineage()]
        if not any(mentions(s, declared.name, family, heirs) for s in sources):
            yield _described(declared, forward)


def _uses_others(cls: Class, family: Sequence[Class]) -> bool:
    """Some part of the class is read by name: `forward` is written, and not with `self.parameters()`."""
    parts = _parts(cls).keys()
    in_forward = [c.names["forward"] for c in family if "forward" in c.names]
    weights = (n for f in in_forward if isinstance(f, Function) for n in walk(f.node))
    by_weights = any(dotted(n) in {"self.parameters", "self.named_parameters"} for n in weights)
    return not by_weights and any(name in parts for c in family for name in READ.findall(_text(c)))


def _described(declared: Declared, forward: Function) -> IdleFact:
    part, source = declared.part, declared.cls.source
    kind = part.cls.name if isinstance(part, UserNetwork) and part.cls else part.kind
    place = Place(source.file, declared.statement.lineno, "__init__", span=source.span(declared.statement))
    goes_without = Place(forward.source.file, forward.at[0], "forward")
    return IdleFact(declared.name, declared.cls.name, kind, 0, (place,), (goes_without,))


def _unread(cls: Class) -> Iterator[Declared]:
    """What a class declares and does not read itself: a quick look at its text."""
    if not is_module(cls) or not _is_plain(cls) or not (parts := _parts(cls)):
        return
    start = next((n for n in cls.node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    if start is None:
        return
    text = _text(cls)
    if FINDS_BY_ITSELF.search(text):
        return
    read = set(READ.findall(text))
    if read >= parts.keys():
        return
    for statement in walk(start):
        match statement:
            case (
                ast.Assign(
                    targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                    value=ast.Call() as call,
                )
                | ast.AnnAssign(
                    target=ast.Attribute(value=ast.Name(id="self"), attr=name), value=ast.Call() as call
                )
            ) if name in parts and name not in read:
                shared = [other for other, value in parts.items() if value is parts[name]]
                does_nothing = parts[name].kind == "Identity"
                if shared == [name] and not does_nothing and not _is_given_modules(call, parts):
                    yield Declared(cls, name, statement, parts[name])
            case _:
                pass


def _text(cls: Class) -> str:
    lines = cls.source.text.split("\n")[cls.at[0] - 1 : cls.node.end_lineno]
    return NO_USE.sub("", "\n".join(lines))


def _parts(cls: Class) -> dict[str, Network]:
    """The modules that an object of the class holds by name."""
    found: dict[str, Network] = {}
    for owner in cls.instances:
        held = owner.parts if isinstance(owner, Instance | UserNetwork) else {}
        for name, value in held.items():
            inner = value.value if isinstance(value, Maybe) else value
            if isinstance(inner, Network):
                found.setdefault(name, inner)
    return found


def _is_given_modules(call: ast.Call, parts: dict[str, Network]) -> bool:
    """It is built around the model, or a part of it, and may act on that by itself."""
    given = {dotted(a) for a in (*call.args, *(k.value for k in call.keywords))}
    return "self" in given or any(f"self.{name}" in given for name in parts)


def _calls_what_it_takes_apart(source: Source) -> bool:
    """It calls the children of some model one by one, or puts them into a new one."""
    if (
        not any(word in source.text for word in TAKES_APART) or source.tree is None
    ):  # in this order: it is parsed
        return False
    lists = {
        dotted(n.targets[0])
        for n in walk(source.tree)
        if isinstance(n, ast.Assign) and _is_taken_apart(n.value, set())
    } - {""}
    for node in walk(source.tree):
        match node:
            case ast.For(target=target, iter=over) if _is_taken_apart(over, lists):
                names = {n.id for n in walk(target) if isinstance(n, ast.Name)}
                calls = (n.func for n in walk(node) if isinstance(n, ast.Call))
                if any(dotted(function) in names for function in calls):
                    return True
            case ast.Starred(value=value) if _is_taken_apart(value, lists):
                return True
            case ast.Call(func=ast.Subscript(value=value)) if _is_taken_apart(value, lists):
                return True
            case ast.Subscript(value=ast.Attribute(attr="_modules")):
                return True
            case _:
                pass
    return False


def _is_taken_apart(node: ast.expr, lists: set[str]) -> bool:
    return any(
        (isinstance(n, ast.Attribute) and n.attr in TAKES_APART and dotted(n.value) != "self")
        or (isinstance(n, ast.Name) and n.id in lists)
        for n in walk(node)
    )


def _family(cls: Class, classes: Sequence[Class]) -> list[Class]:
    """The classes that an object with these parts may be made of."""
    heirs = [c for c in classes if any(b.key == cls.key for b in c.lineage())]
    found = {b.key: b for c in (cls, *heirs) for b in c.lineage()}
    return list(found.values())


def _is_plain(cls: Class) -> bool:
    """Nothing above it that could not be read calls its parts."""
    return all(
        isinstance(b, External) and (b.name == "torch.nn.Module" or b.last in {"LightningModule", "object"})
        for b in bases_from_outside(cls)
    )


def _looks_up(cls: Class) -> bool:
    return bool(FINDS_BY_ITSELF.search(_text(cls)))
