"""Classes: what their bases make of them, and what belongs to them."""

import pytest

from osler.model import Const
from osler.static.classes import bases_from_outside, is_module, layer_base
from osler.static.values import Function

EXTRA = "import lightning, torchvision, transformers, pydantic, abc, keras\n"


@pytest.mark.parametrize(
    "base",
    [
        "nn.Module",
        "torch.nn.Module",
        "nn.Sequential",
        "nn.Linear",
        "lightning.LightningModule",
        "torch.jit.ScriptModule",
        "transformers.PreTrainedModel",
        "torchvision.models.ResNet",
        "abc.ABC, nn.Module",
    ],
)
def test_classes_that_are_modules(script, base) -> None:
    assert is_module(script(f"{EXTRA}class A({base}): pass")["A"])


@pytest.mark.parametrize(
    "base",
    [
        "",
        "object",
        "abc.ABC",
        "pydantic.BaseModel",
        "keras.Model",
        "torch.utils.data.Dataset",
        "torch.optim.Optimizer",
        "nn.Parameter",
        "nn.DataParallel",
        "nowhere",
        "make_base()",
    ],
)
def test_classes_that_are_none(script, base) -> None:
    assert not is_module(script(f"{EXTRA}class A({base}): pass")["A"])


def test_a_class_made_from_a_module_of_the_users_is_one(script) -> None:
    read = script("class A(nn.Module): pass\nclass B(A): pass\nclass C(B, object): pass")
    assert is_module(read["C"])
    assert [b.name for b in bases_from_outside(read["C"])] == ["builtins.object", "torch.nn.Module"]


@pytest.mark.parametrize(
    ("bases", "layer"),
    [
        ("nn.Sequential", "torch.nn.Sequential"),
        ("A", "torch.nn.ModuleList"),
        ("nn.Module", ""),
        ("object", ""),
    ],
)
def test_the_layer_that_a_class_is_made_from(script, bases, layer) -> None:
    assert layer_base(script(f"class A(nn.ModuleList): pass\nclass B({bases}): pass")["B"]) == layer


def test_methods_and_attributes_belong_to_the_class(script) -> None:
    read = script("class A:\n    size = 2\n    double = size * 2\n    def f(self): return size\nx = A.double")
    method = read["A"].find("f")
    assert isinstance(method, Function)
    assert method.owner is read["A"]
    assert read["x"] == Const(4)
    assert "size" not in read.names


def test_a_method_does_not_see_the_names_of_its_class(script) -> None:
    read = script("size = 1\nclass A:\n    size = 2\n    def f(self): return size\nx = A().f()")
    assert read["x"] == Const(1)


def test_a_function_taken_over_from_outside_keeps_its_own_class(script) -> None:
    read = script("class A:\n    def f(self): pass\nclass B:\n    g = A.f")
    assert read["B"].find("g").owner is read["A"]


def test_what_a_class_body_does_is_not_part_of_the_script(trained) -> None:
    assert trained("class A:\n    optimizer.step()").told == []
