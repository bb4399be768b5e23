"""What the source of a dataset says about writes into what it stores."""

import ast
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset, Subset, TensorDataset

from osler.runtime.fetch_lines import fills_anew, replaces, writing, written
from osler.runtime.userlines import UserLines


def method(body: str, name: str = "__getitem__") -> ast.FunctionDef:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (function,) = ast.parse(f"def {name}(self, i):\n{lines}").body
    assert isinstance(function, ast.FunctionDef)
    return function


@pytest.mark.parametrize(
    ("body", "name", "is_meant"),
    [
        ("self.x = make()", "resample", True),
        ("self.x[:] = make()", "resample", True),
        ("self.x[i] = new", "push", True),
        ("self.x, self.y = make()", "resample", True),
        ("self.x += 1", "resample", True),
        ("self.x.normal_()", "resample", True),
        ("self.x[i].copy_(new)", "push", True),
        ("self.x[i] = make()", "__getitem__", True),
        ("self.x = make()", "__init__", False),
        ("self.y[i] = 1", "push", False),
        ("self.x[i] = self.x[i] / 2", "__getitem__", False),
        ("self.x[i] -= 1", "__getitem__", False),
        ("self.x[i, :3] = 0", "__getitem__", False),
        ("self.x[i].mul_(2)", "__getitem__", False),
        ("self.x[i][:3] = 0", "__getitem__", False),
        ("x = self.x[i]\nx[3] = 0", "__getitem__", False),
    ],
)
def test_what_is_replaced_on_purpose(body: str, name: str, is_meant: bool) -> None:
    assert replaces(method(body, name), "x") is is_meant


@pytest.mark.parametrize(
    ("body", "anew"),
    [
        ("x = self.x[i]\nx[:] = draw()", True),
        ("x = self.x[i]\nx[...] = draw()", True),
        ("np.copyto(self.x[i], draw())", True),
        ("self.x[i].normal_()", True),
        ("x.copy_(draw())", True),
        ("x = self.x[i]\nx[:] = x * 2", False),
        ("x = self.x[i]\nx[2:] = 0", False),
        ("noise = torch.empty(8).normal_()", False),
    ],
)
def test_what_is_filled_anew(body: str, anew: bool) -> None:
    assert fills_anew(method(body)) is anew


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("x = self.x[i]\nx += 1", [3]),
        ("x, y = self.x[i], 0\nx[2:] = 0\ny += 1", [3]),
        ("x, y = self.base[i]\ny -= 1\nx.mul_(2)", [3, 4]),
        ("x = torch.from_numpy(self.x[i])\nx *= 2", [3]),
        ("x = self.x[i]\nnp.add(x, 1, out=x)", [3]),
        ("self.x[i] /= 2", [2]),
        ("x = self.x[i].clone()\nx += 1", []),
        ("x = self.x[i] * 2\nx += 1", []),
        ("x = self.load(i)\nx[0] = 1", []),
        ("count = 0\ncount += 1", []),
    ],
)
def test_statements_that_write(body: str, lines: list[int]) -> None:
    assert sorted(node.lineno for node in written(method(body))) == lines


class Plain(Dataset[Any]):
    def __init__(self) -> None:
        self.x = torch.rand(4, 2)

    def __getitem__(self, i: int) -> Any:
        x = self.x[i]
        x += 1
        return x


class Inherits(Plain):
    pass


class Wraps(Dataset[Any]):
    def __init__(self, base: Dataset[Any], transform: Callable[[Any], Any]) -> None:
        self.base, self.transform = base, transform

    def __getitem__(self, i: int) -> Any:
        return self.transform(self.base[i])


def stack(samples: list[Any]) -> Any:
    return torch.stack(samples)


@pytest.mark.parametrize(
    ("dataset", "is_statement"),
    [
        (Plain(), True),
        (Inherits(), True),
        (Subset(Plain(), [1, 2]), True),
        (Wraps(TensorDataset(torch.rand(4, 2)), len), False),
    ],
    ids=["plain", "inherits", "subset", "wraps"],
)
def test_where_it_is_written(dataset: Any, is_statement: bool) -> None:
    found = writing(dataset, (Plain, "x"), stack, UserLines())
    assert (found.is_statement, found.is_read, found.is_meant) == (is_statement, True, False)
    assert (found.site[0].file, found.site[0].function) == (__file__, "__getitem__")


def test_without_source_nothing_is_said() -> None:
    scope: dict[str, Any] = {}
    exec("class Hidden:\n    def __getitem__(self, i): return self.x[i]", scope)
    assert not writing(scope["Hidden"](), (object, "x"), stack, UserLines()).is_read


def test_what_torch_stores_is_written_by_the_users_collate_function() -> None:
    data = TensorDataset(torch.rand(4, 2))
    found = writing(data, (TensorDataset, "tensors"), stack, UserLines())
    assert (found.site[0].function, found.is_read, found.is_statement) == ("stack", True, False)
    assert not writing(data, (TensorDataset, "tensors"), torch.stack, UserLines()).is_read
