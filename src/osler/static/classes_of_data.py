"""How many classes the targets of a loss have, as far as a file says."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from osler.static.following import Following, part, unpacked
from osler.static.origins import Origins, batch_part, last, returned
from osler.static.regions import Line, Region, own
from osler.static.sources import dotted

TORCHVISION: Mapping[str, int] = MappingProxyType(
    {
        "MNIST": 10,
        "FashionMNIST": 10,
        "KMNIST": 10,
        "QMNIST": 10,
        "USPS": 10,
        "SVHN": 10,
        "CIFAR10": 10,
        "CIFAR100": 100,
        "EuroSAT": 10,
        "DTD": 47,
        "GTSRB": 43,
        "Food101": 101,
        "Flowers102": 102,
        "StanfordCars": 196,
    }
)
"""Data sets whose second entry is a class, with the number of classes."""

SKLEARN: Mapping[str, int] = MappingProxyType(
    {"load_digits": 10, "load_iris": 3, "load_wine": 3, "load_breast_cancer": 2}
)

SAME = frozenset(
    "long int to cuda cpu view reshape flatten squeeze contiguous clone astype ravel numpy".split()
)
MADE_OF = frozenset({"tensor", "as_tensor", "from_numpy", "LongTensor", "array", "asarray"})
ASKS = frozenset({"len", "print", "DataLoader", "random_split", "enumerate", "iter", "next", "isinstance"})
"""Functions that leave a data set as it is."""


@dataclass(frozen=True, slots=True)
class Classes:
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
        """The number of classes; None if it is not known."""
        match node:
            case ast.Name(id=name):
                return self.names.number(region, name, self._bound)
            case ast.Attribute(value=inner, attr="target"):
                return SKLEARN.get(last(self.origins.made(region, inner)))
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch" | "np"), attr=attr), args=[given, *_]):
                if attr == "randint":
                    return _drawn(node)
                return self.of(region, given) if attr in MADE_OF else None
            case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in SAME:
                return self.of(region, inner)
            case _:
                return None

    def _bound(self, home: Region, line: Line, name: str) -> int | None:
        match line.node:
            case ast.Assign(targets=[ast.Name()], value=value):
                return self.of(home, value)
            case ast.For(target=target, iter=over):
                batch = batch_part(target, over, name)
                return None if batch is None else self._of_batch(home, *batch)
            case _:
                taken = unpacked(line, name)
                return None if taken is None else self._part(home, *taken)

    def _part(self, home: Region, value: ast.expr, position: int) -> int | None:
        known_as = part(value, position)
        if known_as is not None:
            return self.of(home, known_as)
        match value:
            case ast.Call(keywords=named) if position == 1 and any(k.arg == "return_X_y" for k in named):
                return SKLEARN.get(last(value)) if not any(k.arg == "n_class" for k in named) else None
            case _:
                return None

    def _of_batch(self, home: Region, over: ast.expr, position: int) -> int | None:
        found: set[int | None] = set()
        for loader in self.origins.calls(home, over):
            named = {k.arg for k in loader.keywords}
            plain = (
                last(loader) == "DataLoader" and loader.args and not named & {"collate_fn", "sampler", None}
            )
            found.add(self._entry(home, loader.args[0], position) if plain else None)
        return found.pop() if len(found) == 1 else None

    def _entry(self, home: Region, data: ast.expr, position: int) -> int | None:
        """The number of classes in one entry of the samples."""
        made = self.origins.made(home, data)
        if made is None or (isinstance(data, ast.Name) and self._may_change(home, data.id)):
            return None
        function = self.origins.function(made.func)
        value = returned(function) if function is not None else None
        if function is not None and value is not None:
            return self._entry(function, value, position) if function is not home else None
        kind, named = last(made), {k.arg for k in made.keywords}
        if (
            kind == "TensorDataset"
            and position < len(made.args)
            and not isinstance(made.args[0], ast.Starred)
        ):
            return self.of(home, made.args[position])
        plain = position == 1 and not named & {"target_transform", "target_type", None}
        return TORCHVISION.get(kind) if plain else None

    def _may_change(self, region: Region, name: str) -> bool:
        """The data set is changed after it was made, or given to code that may do so."""
        for line in region.lines:
            for node in own(line.node):
                match node:
                    case ast.Attribute(value=ast.Name(id=owner), ctx=ast.Store()) if owner == name:
                        return True
                    case ast.Call(args=given) if any(dotted(a) == name for a in given):
                        if last(node) not in ASKS:
                            return True
                    case _:
                        pass
        return False


def _drawn(call: ast.Call) -> int | None:
    """One more than the largest number that `torch.randint` may draw."""
    bounds = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, int)]
    sized = [a for a in call.args if isinstance(a, ast.Tuple | ast.List)]
    known = len(bounds) + len(sized) == len(call.args) and len(sized) + len(call.keywords) > 0
    return bounds[-1] if known and bounds and dotted(call.func) == "torch.randint" else None
