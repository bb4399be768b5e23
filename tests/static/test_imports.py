"""Imports: names from outside by their full name, modules of the linted tree by what they define."""

import pytest

from osler.model import Const, External, Network, Optimizer, Unknown
from osler.static.values import Class, Function, Namespace


@pytest.mark.parametrize(
    ("statement", "expression", "name"),
    [
        ("import numpy", "numpy", "numpy"),
        ("import numpy as np", "np.random.seed", "numpy.random.seed"),
        ("import torch.nn.functional", "torch.relu", "torch.relu"),
        ("import torch.nn.functional as F2", "F2.relu", "torch.nn.functional.relu"),
        ("from torch import optim", "optim.SGD", "torch.optim.SGD"),
        ("from torch.optim import SGD as Descent", "Descent", "torch.optim.SGD"),
        ("import a, b.c", "b.c.d", "b.c.d"),
    ],
)
def test_what_comes_from_outside_is_known_by_its_full_name(script, statement, expression, name) -> None:
    assert script(f"{statement}\nx = {expression}")["x"] == External(name)


NET = "class Net(nn.Module):\n    def forward(self, x): return x\nsize = 4\n_own = 5\n"


@pytest.mark.parametrize(
    ("statement", "expression"),
    [
        ("import net", "net.Net"),
        ("import net as n", "n.Net"),
        ("from net import Net", "Net"),
        ("from net import Net as N", "N"),
        ("from .net import Net", "Net"),
        ("from . import net", "net.Net"),
        ("from net import *", "Net"),
    ],
)
def test_what_a_file_of_the_tree_defines(script, statement, expression) -> None:
    value = script(f"{statement}\nx = {expression}", {"net.py": NET})["x"]
    assert isinstance(value, Class)
    assert value.source.path.name == "net.py"


@pytest.mark.parametrize(
    ("statement", "expression"),
    [
        ("import pkg.net", "pkg.net.Net"),
        ("import pkg.net as n", "n.Net"),
        ("from pkg import net", "net.Net"),
        ("from pkg.net import Net", "Net"),
        ("from pkg import Net", "Net"),
        ("import pkg", "pkg.Net"),
        ("import pkg.data, pkg.net", "pkg.net.Net"),
        ("import pkg.net\nimport pkg.data", "pkg.net.Net"),
        ("import pkg", "pkg.net.Net"),
    ],
)
def test_packages(script, statement, expression) -> None:
    files = {"pkg/__init__.py": "from .net import Net", "pkg/net.py": NET, "pkg/data.py": ""}
    assert isinstance(script(f"{statement}\nx = {expression}", files)["x"], Class)


def test_a_star_leaves_out_names_that_are_private(script) -> None:
    read = script("_own = 1\nfrom net import *", {"net.py": NET})
    assert (read["size"], read["_own"]) == (Const(4), Const(1))


@pytest.mark.parametrize("statement", ["from net import none as x", "from .none import x", "from . import x"])
def test_a_name_that_the_tree_lacks_is_unknown(script, statement) -> None:
    assert isinstance(script(statement, {"net.py": NET})["x"], Unknown)


def test_a_file_of_the_tree_goes_before_a_package_of_the_same_name(script) -> None:
    read = script("import timm\nx = timm.size\nimport other\ny = other.size", {"timm.py": NET})
    assert (read["x"], read["y"]) == (Const(4), External("other.size"))


def test_a_module_is_one_object_for_all_who_import_it(script) -> None:
    files = {"shared.py": "model = nn.Linear(1, 1)", "user.py": "from shared import model"}
    read = script("import shared, user\na = shared.model\nb = user.model", files)
    assert isinstance(read["a"], Network)
    assert read["a"] is read["b"]


def test_what_an_imported_module_does_is_not_part_of_the_importer(script) -> None:
    other = "model = nn.Linear(1, 1)\nopt = torch.optim.SGD(model.parameters())\nopt.zero_grad()"
    read = script("import other\nother.opt.step()", {"other.py": other})
    assert isinstance(read["other"].scope.names["opt"], Optimizer)
    assert read.told == ["step opt"]


def test_lines_behind_a_main_guard_are_not_run_by_an_import(script) -> None:
    other = "x = 1\nif __name__ == '__main__':\n    x = 2"
    assert script("from other import x", {"other.py": other})["x"] == Const(1)
    assert script(other)["x"] == Const(2)


def test_modules_that_import_each_other(script) -> None:
    files = {"a.py": "import b\ndef f(): pass", "b.py": "import a\ndef g(): pass"}
    read = script("import a, b\nx = a.f\ny = a.b.g", files)
    assert isinstance(read["x"], Function)
    assert isinstance(read["y"], Function)


def test_a_name_imported_inside_a_function_stays_there(script) -> None:
    read = script("def f():\n    import net\n    return net\nx = f()", {"net.py": NET})
    assert isinstance(read["x"], Namespace)
    assert "net" not in read.names
