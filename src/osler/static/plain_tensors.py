"""Tensors that a module keeps as plain attributes, and what its methods do with them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from osler.model import Code, Place
from osler.static.classes import is_module
from osler.static.sources import dotted
from osler.static.values import Class, UserNetwork
from osler.static.walking import walk

SIZED = frozenset("zeros ones rand randn randint full empty eye FloatTensor LongTensor normal".split())
LISTED = frozenset("tensor as_tensor FloatTensor LongTensor Tensor".split())
RANGES = frozenset(
    "arange linspace logspace randperm tril_indices triu_indices hann_window from_numpy".split()
)
RANDOM = frozenset("rand randn randint normal randperm".split())
SMALLER = frozenset(
    "item tolist numpy size dim numel mean sum max min prod std var norm argmax argmin any all backward "
    "requires_grad_ numel nelement stride".split()
)
"""Methods and functions whose result may be a number, or no plain tensor."""

MOVES = frozenset("to cuda cpu type_as type new_tensor item tolist numpy xpu mps expand_as_device".split())
"""Whoever calls one of these on the tensor cares for its device, or takes numbers out of it."""

ASKS = frozenset("shape size device dtype dim ndim numel requires_grad data_ptr".split())


@dataclass(frozen=True, slots=True)
class PlainTensor:
    """A tensor that `__init__` makes and keeps as a plain attribute.

    Attributes:
        cls: the class.
        name: the attribute.
        place: where it is assigned.
        used: where it meets the inputs or parameters.
        is_random: it is drawn, so that a new object has another one.
    """

    cls: Class
    name: str
    place: Place
    used: Place
    is_random: bool


def plain_tensors(code: Code) -> Iterator[PlainTensor]:
    """Tensors left out of the buffers although the module computes with them."""
    owners = {id(n.cls): n.cls for n in code.networks if isinstance(n, UserNetwork) and n.cls is not None}
    for cls in owners.values():
        if is_module(cls) and not _moves_itself(cls):
            yield from _kept_by(cls)


def _moves_itself(cls: Class) -> bool:
    """It overrides how modules are moved, or the file chooses a device for all tensors."""
    names = {m for c in cls.lineage() for m in c.names}
    text = cls.source.text
    return bool(names & {"_apply", "to", "cuda"}) or "set_default_" in text or "with torch.device(" in text


def _kept_by(cls: Class) -> Iterator[PlainTensor]:
    methods = [n for n in cls.node.body if isinstance(n, ast.FunctionDef)]
    start = next((m for m in methods if m.name == "__init__"), None)
    if start is None:
        return
    made = dict[str, ast.expr]()
    for statement in walk(start):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                made.pop(name, None)
                if is_made(value, made):
                    made[name] = value
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
                if is_made(value, made) and _is_assigned_once(cls, name):
                    used = _used_in([m for m in methods if m is not start], name, _parameters(start))
                    if used is not None:
                        yield PlainTensor(
                            cls,
                            name,
                            _place(cls, statement, "__init__"),
                            _place(cls, used[1], used[0].name),
                            _is_drawn(value, made),
                        )
            case _:
                pass


def _place(cls: Class, node: ast.AST, function: str) -> Place:
    return Place(cls.source.file, getattr(node, "lineno", 0), function, span=cls.source.span(node))


def _is_assigned_once(cls: Class, name: str) -> bool:
    """Only there, and its name stands nowhere as a text: nobody registers or moves it later."""
    whole = cls.source.text
    own = ast.get_source_segment(whole, cls.node) or ""
    given = rf"\.{name}\b\s*(?::[^=\n]+)?[-+*/]?=[^=]"
    here = re.findall(rf"{given}|[\"']{name}[\"']|del self\.{name}\b", own)
    return len(here) == 1 and not re.search(rf"(?<!\bself){given}", whole)


def _parameters(start: ast.FunctionDef) -> frozenset[str]:
    """Attributes that are parameters of the module."""
    return frozenset(
        target.attr
        for node in walk(start)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and dotted(node.value.func).endswith("Parameter")
        for target in node.targets
        if isinstance(target, ast.Attribute)
    )


def is_made(node: ast.expr, names: dict[str, ast.expr]) -> bool:
    """It is a tensor with axes, made on the CPU: of a shape, of a list, or of such a tensor."""
    match node:
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=name)):
            return not _is_placed(node) and _has_axes(node, name, names)
        case ast.Call(func=ast.Attribute(value=inner, attr=name)):
            return name not in MOVES | SMALLER and is_made(inner, names)
        case ast.BinOp(left=left, right=right):
            return is_made(left, names) or is_made(right, names)
        case ast.UnaryOp(operand=inner):
            return is_made(inner, names)
        case ast.Subscript(value=inner, slice=index):
            return is_made(inner, names) and _keeps_axes(index)
        case _:
            return False


def _is_placed(call: ast.Call) -> bool:
    """It is told the device, or to record gradients."""
    return any(k.arg in {"device", "requires_grad", None} for k in call.keywords)


def _has_axes(call: ast.Call, name: str, names: dict[str, ast.expr]) -> bool:
    first = call.args[0] if call.args else None
    if first is None or isinstance(first, ast.Starred):
        return False
    if name in LISTED and isinstance(first, ast.List | ast.ListComp):
        return True
    if name in SIZED:
        return not (isinstance(first, ast.Tuple | ast.List) and not first.elts)
    if name in RANGES:
        return True
    return name.islower() and name not in SMALLER and any(is_made(a, names) for a in call.args)


def _is_drawn(node: ast.expr, names: dict[str, ast.expr]) -> bool:
    for part in walk(node):
        match part:
            case ast.Attribute(value=ast.Name(id="torch"), attr=name) if name in RANDOM:
                return True
            case ast.Name(id=name) if name in names and names[name] is not node:
                if _is_drawn(names[name], {k: v for k, v in names.items() if k != name}):
                    return True
            case _:
                pass
    return False


def _used_in(
    methods: list[ast.FunctionDef], name: str, parameters: frozenset[str]
) -> tuple[ast.FunctionDef, ast.expr] | None:
    """Where the attribute first meets inputs or parameters; None if some line moves it, or none uses it."""
    first: tuple[ast.FunctionDef, ast.expr] | None = None
    for method in methods:
        parents = {child: node for node in walk(method) for child in ast.iter_child_nodes(node)}
        inputs = _inputs(method, parameters)
        todo, seen = [n for n in walk(method) if _is_attribute(n, name)], set[str]()
        while todo:
            met = _fate(todo.pop(), parents, inputs)
            if met == "moved":
                return None
            if isinstance(met, ast.expr):
                first = first or (method, met)
            elif met and met not in seen:
                seen.add(met)
                todo += [n for n in walk(method) if isinstance(n, ast.Name) and n.id == met]
    return first


def _is_attribute(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            return attr == name
        case _:
            return False


def _fate(node: ast.AST, parents: dict[ast.AST, ast.AST], inputs: _Inputs) -> ast.expr | str:
    """What becomes of the tensor: the expression in which it meets the inputs, `moved`, or its new name."""
    own: set[ast.AST] = set()
    while True:
        own.add(node)
        parent = parents.get(node)
        match parent:
            case ast.Attribute(attr=attr) if attr in MOVES:
                return "moved"
            case ast.Attribute(attr=attr) if attr in ASKS | SMALLER:
                return ""
            case ast.Subscript(slice=index) if index is node:
                return ""
            case ast.Subscript(slice=index) if inputs.reach(index):
                return parent
            case ast.Subscript(slice=index) if not _keeps_axes(index):
                return ""
            case ast.Call() if _carries_over(parent):
                return "moved"
            case ast.Compare() | ast.BinOp() | ast.Call():
                if _meets(parent, node, own, inputs):
                    return "moved" if _is_moved_later(parent, parents) else parent
                if isinstance(parent, ast.Call) and not _is_tensor_function(parent, node):
                    return "moved"  # unknown code gets it, and may move it
            case ast.Assign(targets=[ast.Name(id=name)]):
                return name
            case None | ast.stmt():
                return ""
            case _:
                pass
        node = parent


def _keeps_axes(index: ast.expr) -> bool:
    """Not a single number is taken out."""
    return any(
        isinstance(n, ast.Slice) or (isinstance(n, ast.Constant) and n.value in (None, ...))
        for n in walk(index)
    )


def _carries_over(call: ast.Call) -> bool:
    """It takes tensors from any device to its own."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return name in {"copy_", "new_tensor"} or any(k.arg == "device" for k in call.keywords)


def _is_moved_later(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    parent = parents.get(node)
    return isinstance(parent, ast.Attribute) and parent.attr in {"to", "cuda"}


def _meets(
    parent: ast.Compare | ast.BinOp | ast.Call, node: ast.AST, own: set[ast.AST], inputs: _Inputs
) -> bool:
    """Another operand of the operation comes from the inputs or parameters."""
    if isinstance(parent, ast.Call) and not _is_tensor_function(parent, node):
        return False
    operands = _operands(parent)
    listed = [e for n in operands if isinstance(n, ast.List | ast.Tuple) for e in n.elts]
    return any(inputs.reach(n) for n in (*operands, *listed) if n not in own)


def _operands(node: ast.Compare | ast.BinOp | ast.Call) -> list[ast.expr]:
    match node:
        case ast.BinOp():
            return [node.left, node.right]
        case ast.Compare():
            return [node.left, *node.comparators]
        case ast.Call():
            receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            return [*receiver, *node.args, *(k.value for k in node.keywords)]


def _is_tensor_function(call: ast.Call, node: ast.AST) -> bool:
    """It is a function of torch, or a method of a tensor."""
    name = dotted(call.func)
    if name.startswith(("torch.", "F.", "functional.", "nn.functional.")):
        return True
    if isinstance(call.func, ast.Attribute) and call.func is not node:
        return not name.startswith("self.") and name.partition(".")[0] not in {"np", "math", "utils"}
    return call.func is node


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Names in a method that hold tensors made from its inputs or from parameters."""

    names: frozenset[str]
    parameters: frozenset[str]

    def reach(self, node: ast.expr) -> bool:
        """The expression is a tensor made from them."""
        match node:
            case ast.Name(id=name):
                return name in self.names
            case ast.Attribute(value=ast.Name(id="self"), attr=attr):
                return attr in self.parameters
            case ast.Attribute(value=inner, attr=attr):
                return attr not in ASKS and self.reach(inner)
            case ast.Subscript(value=inner):
                return self.reach(inner)
            case ast.Call(func=ast.Name()):
                return False
            case ast.Call(func=ast.Attribute(value=inner, attr=attr) as function):
                given = [*node.args, *(k.value for k in node.keywords)]
                own = dotted(function).startswith(("self.", "torch.", "F.")) and any(map(self.reach, given))
                return attr not in ASKS | SMALLER | {"cpu"} and (own or self.reach(inner))
            case ast.BinOp(left=left, right=right):
                return self.reach(left) or self.reach(right)
            case _:
                return False


def _inputs(method: ast.FunctionDef, parameters: frozenset[str]) -> _Inputs:
    found = _Inputs(_tensors_given(method), parameters)
    for node in walk(method):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if found.reach(value):
                found = _Inputs(found.names | {name}, parameters)
            case _:
                pass
    return found


def _tensors_given(method: ast.FunctionDef) -> frozenset[str]:
    """What `forward` is given, unless something says otherwise; elsewhere only what is said to be one."""
    every = [*method.args.posonlyargs, *method.args.args]
    settled = {a.arg for a, default in zip(every[::-1], method.args.defaults[::-1], strict=False) if default}
    found: set[str] = set()
    for argument in every:
        said = ast.unparse(argument.annotation) if argument.annotation else ""
        if "Tensor" in said or (method.name == "forward" and not said and argument.arg not in settled):
            found.add(argument.arg)
    return frozenset(found - {"self"})
