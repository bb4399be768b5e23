"""Attributes that torch does not know, against what the parameters really require."""

import pytest
from torch import nn

from osler.runtime.misspelt import has_its_own, misspelt, set_at


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))


def found(root: nn.Module):
    return misspelt([("Net", root)], [__file__], lambda _: True)


def test_parameters_that_do_not_obey_are_named() -> None:
    model = net()
    for p in model[0].parameters():
        p.requiresgrad = False
    fact = found(model)["Net.requiresgrad"]
    assert (fact.parameters, fact.reached, fact.on_module) == (("0.weight", "0.bias"), 2, False)
    assert fact.site[0].file == __file__


def test_modules_count_with_all_they_hold() -> None:
    model = net()
    model.requires_grad = False
    fact = found(model)["Net.requires_grad"]
    assert (len(fact.parameters), fact.on_module) == (4, True)


def test_a_module_that_is_frozen_in_part_may_be_meant_so() -> None:
    model = net()
    model[0].weight.requires_grad_(False)
    model[0].requires_grad = True
    assert not found(model)


@pytest.mark.parametrize("value", [None, "no", 0])
def test_other_values_mean_something_else(value) -> None:
    model = net()
    model.requires_grad = value
    assert not found(model)


class Own(nn.Module):
    def freeze(self):
        self.requires_grad = False


def test_a_class_may_have_its_own() -> None:
    assert has_its_own(Own, "requires_grad")
    assert not has_its_own(nn.Linear, "requires_grad")


def test_a_line_that_is_not_there_is_not_found() -> None:
    assert set_at("require_grads", True, [__file__, "/nowhere.py"]) == ()


def test_a_model_that_became_a_part_of_another_is_told_once() -> None:
    encoder, other = net(), net()
    for parameter in [*encoder.parameters(), *other.parameters()]:
        parameter.require_grad = False
    whole = nn.Sequential(encoder, nn.Linear(2, 2))
    roots = [("Encoder", encoder), ("Probe", whole), ("Other", other)]
    facts = misspelt(roots, [__file__], lambda _: True)
    assert [(f.model, f.parameters[0]) for f in facts.values()] == [
        ("Encoder", "0.weight"),
        ("Other", "0.weight"),
    ]
    roots[0] = ("Encoder", nn.Sequential(net()))
    assert [f.model for f in misspelt(roots, [__file__], lambda _: True).values()] == ["Probe", "Other"]
