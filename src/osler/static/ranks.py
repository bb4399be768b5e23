"""How many axes tensors and arrays have, as far as a file says: of the data that a program trains on."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from osler.static.following import ITSELF, Following, part, unpacked
from osler.static.origins import Origins, batch_part, last, returned
from osler.static.regions import Line, Region
from osler.static.sources import dotted
from osler.static.written_sizes import is_number, nesting, sized, viewed

SIZED = frozenset("zeros ones rand randn empty".split())
LISTED = frozenset(
    "tensor as_tensor array asarray from_numpy FloatTensor LongTensor DoubleTensor Tensor".split()
)
LINES = frozenset("arange linspace logspace randperm".split())
SAME = frozenset(
    "float double half long int to cuda cpu clone detach contiguous numpy astype copy requires_grad_ type "
    "abs exp log sin cos sqrt sigmoid tanh relu to_numpy pin_memory type_as clamp round square neg "
    "sign".split()
)
"""Functions and methods that leave the axes as they are."""

REDUCES = frozenset("sum mean std var argmax argmin prod norm amax amin any all".split())
LABELLED = frozenset(
    "MNIST FashionMNIST KMNIST QMNIST CIFAR10 CIFAR100 SVHN STL10 ImageFolder Food101 DTD GTSRB".split()
)
"""Data sets of torchvision whose second entry is the number of a class."""

SKLEARN = frozenset(
    "load_diabetes load_breast_cancer load_iris load_digits load_wine fetch_california_housing".split()
)
MADE = frozenset(
    "make_regression make_classification make_moons make_circles make_blobs make_friedman1".split()
)
PACKAGES = frozenset({"torch", "np", "numpy", "np.random", "torch.nn.functional", "F"})


@dataclass(frozen=True, slots=True)
class Ranks:
    """Answers questions about one file.

    Attributes:
        names: of the file, and where they get their values.
    """

    names: Following

    @property
    def origins(self) -> Origins:
        """Where names of the file get their values."""
        return self.names.origins

    def of(self, region: Region, node: ast.expr) -> int | None:
        """The number of axes; None if it is not known, or if the only axis has length 1."""
        match node:
            case ast.Name(id=name):
                return self.names.number(region, name, self._bound)
            case ast.BinOp(left=left, right=right):
                return self._broadcast(region, left, right)
            case ast.UnaryOp(operand=inner):
                return self.of(region, inner)
            case ast.Subscript(value=inner, slice=index):
                return self._indexed(region, inner, index)
            case ast.Attribute(value=inner, attr="data" | "values"):
                return self.of(region, inner)
            case ast.Attribute(value=inner, attr="target"):
                return 1 if last(self.origins.made(region, inner)) in SKLEARN else None
            case ast.Call():
                return self._called(region, node)
            case ast.List(elts=[ast.Constant() | ast.List() | ast.UnaryOp(), _, *_]):
                return nesting(node)
            case _:
                return None

    def _bound(self, home: Region, line: Line, name: str) -> int | None:
        """The rank of what a line gives to a name."""
        match line.node:
            case ast.Assign(targets=[ast.Name()], value=value):
                return self.of(home, value)
            case ast.AugAssign(op=ast.Sub() | ast.Add() | ast.Mult() | ast.Div()):
                return ITSELF
            case ast.For(target=target, iter=over):
                return self._of_batch(home, target, over, name)
            case _:
                taken = unpacked(line, name)
                return None if taken is None else self._part(home, *taken)

    def _part(self, home: Region, value: ast.expr, position: int) -> int | None:
        """One of several values."""
        known_as = part(value, position)
        if known_as is not None:
            return self.of(home, known_as)
        match value:
            case ast.Call(keywords=named) if last(value) in SKLEARN | MADE and position < 2:
                said = {k.arg for k in named}
                known = "return_X_y" in said if last(value) in SKLEARN else not said & {"n_targets", "coef"}
                return (2, 1)[position] if known else None
            case _:
                return None

    def _of_batch(self, home: Region, target: ast.expr, over: ast.expr, name: str) -> int | None:
        """Part of a batch that a loader hands out."""
        taken = batch_part(target, over, name)
        if taken is None:
            return None
        loader_of, position = taken
        loaders = self.origins.calls(home, loader_of)
        if not loaders or not all(map(_hands_out_batches, loaders)):
            return None
        found = {self._entry(home, loader.args[0], position) for loader in loaders}
        return found.pop() if len(found) == 1 else None

    def _entry(self, home: Region, data: ast.expr, position: int, depth: int = 4) -> int | None:
        """The rank of one entry of the samples, with the axis of the batch."""
        region, made = self._followed(home, data)
        kind = last(made)
        if made is None or not depth:
            return None
        if kind in {"Subset", "random_split", "ConcatDataset"} and made.args:
            return self._entry(region, made.args[0], position, depth - 1)
        if (
            kind == "TensorDataset"
            and position < len(made.args)
            and not isinstance(made.args[0], ast.Starred)
        ):
            return self.of(region, made.args[position])
        plain = not {"target_transform", None} & {k.arg for k in made.keywords}
        return 1 if kind in LABELLED and position == 1 and plain else None

    def _followed(self, home: Region, data: ast.expr) -> tuple[Region, ast.Call | None]:
        """The call that makes a data set, perhaps inside a function of the file."""
        made = self.origins.made(home, data)
        function = self.origins.function(made.func) if made is not None else None
        value = returned(function) if function is not None else None
        if function is None or value is None:
            return home, made
        return function, self.origins.made(function, value)

    def _broadcast(self, region: Region, left: ast.expr, right: ast.expr) -> int | None:
        found = [0 if is_number(side) else self.of(region, side) for side in (left, right)]
        known = [r for r in found if r is not None]
        if len(known) < 2:
            return None
        return ITSELF if ITSELF in known and max(known) <= 0 else None if ITSELF in known else max(known)

    def _indexed(self, region: Region, inner: ast.expr, index: ast.expr) -> int | None:
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            return 1 if last(self.origins.made(region, inner)) == "read_csv" else None
        rank = self.of(region, inner)
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        if rank is None or not all(is_number(p) or isinstance(p, ast.Slice) for p in parts):
            return None
        taken = sum(is_number(p) for p in parts)
        return rank - taken if not taken or rank > taken else None

    def _called(self, region: Region, call: ast.Call) -> int | None:
        name, named = last(call), {k.arg: k.value for k in call.keywords}
        if not isinstance(call.func, ast.Attribute):
            return None
        owner = call.func.value
        if dotted(owner) in PACKAGES:
            if name in SIZED | {"randint"}:
                return sized(call, named)
            if name in LINES:
                return 1
            if not call.args or dotted(owner).endswith("random"):
                return None
            if name in LISTED:
                return self.of(region, call.args[0])
            return self._changed(region, name, call.args[0], call.args[1:], named)
        return self._changed(region, name, owner, call.args, named)

    def _changed(
        self,
        region: Region,
        name: str,
        owner: ast.expr,
        given: list[ast.expr],
        named: dict[str | None, ast.expr],
    ) -> int | None:
        """What a method, or the function of the same name, makes of the axes."""
        if name in {"view", "reshape"}:
            return viewed(given)
        if name in {"flatten", "ravel"} and not given and not named:
            return 1
        rank = self.of(region, owner)
        if rank is None or name in SAME:
            return rank
        if name in REDUCES | {"max", "min"} and not given and not named:
            return 0
        if rank == ITSELF:
            return None
        axis = named.get("dim", named.get("axis", given[0] if given else None))
        if name == "unsqueeze" and axis is not None:
            return rank + 1
        if name in REDUCES and axis is not None and is_number(axis) and rank > 1:
            return rank if named.keys() & {"keepdim", "keepdims"} or len(given) > 1 else rank - 1
        return None


def _hands_out_batches(loader: ast.Call) -> bool:
    """It puts several samples together, and nobody else says how."""
    named = {k.arg: k.value for k in loader.keywords}
    size = named.get("batch_size", loader.args[1] if len(loader.args) > 1 else ast.Constant(1))
    alone = isinstance(size, ast.Constant) and size.value in (1, None)
    own = named.keys() & {"collate_fn", "batch_sampler", None}
    return last(loader).endswith("DataLoader") and bool(loader.args) and not alone and not own
