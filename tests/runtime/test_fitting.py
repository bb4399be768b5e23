"""How many parameters find their value, and how many would without a prefix."""

import torch
from torch import nn

from osler.runtime.fitting import fitted

NET = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
OWN = {name: torch.zeros_like(p) for name, p in NET.named_parameters()}


def fact(weights):
    found = fitted(NET, weights, (), 0)
    return found.matched, found.renamed, found.prefix, found.on_entries


def test_what_fits_is_counted() -> None:
    assert fact(OWN) == (4, 0, "", True)
    assert fact({"0.weight": OWN["0.weight"], "1.weight": torch.zeros(5)}) == (1, 0, "", True)


def test_a_prefix_of_the_entries() -> None:
    assert fact({f"model.net.{n}": t for n, t in OWN.items()}) == (0, 4, "model.net.", True)


def test_a_prefix_of_the_model() -> None:
    assert fact({"weight": OWN["0.weight"], "bias": OWN["0.bias"]}) == (0, 2, "0.", False)


def test_entries_that_are_no_tensors_do_not_count() -> None:
    assert fact({"state": OWN, "epoch": 3}) == (0, 0, "", True)


def test_a_module_without_parameters_has_nothing_to_fit() -> None:
    assert fitted(nn.ReLU(), OWN, (), 0) is None
