"""Tensors that others are written into, and what names stand for afterwards."""

import pytest

from osler.model import Tensor


@pytest.mark.parametrize(
    "write",
    [
        "sums.scatter_add_(0, index, out)",
        "sums.index_add_(0, index, out)",
        "sums.index_copy_(0, index, out)",
        "sums.copy_(out)",
        "sums.add_(out)",
        "sums += out",
        "sums[index] = out",
        "sums[2] = out",
        "sums[:, 0] = out.sum(1)",
    ],
)
def test_the_graph_goes_on_through_what_was_written_into(trained, write: str) -> None:
    read = trained(f"out = model(x)\nsums = torch.zeros(4, 2)\n{write}\ny = sums.mean()")
    assert read["y"].networks == {read["model"]}


@pytest.mark.parametrize(
    "write",
    [
        "sums.scatter_add_(0, index, x)",
        "sums.fill_(0)",
        "sums[2] = 1",
        "sums.add(out)",
        "sums.eq_(out)",
        "torch.zeros(4, 2).add_(out)",
        "self.sums.add_(out)",
    ],
)
def test_what_brings_no_graph(trained, write: str) -> None:
    read = trained(f"out = model(x)\nsums = torch.zeros(4, 2)\n{write}\ny = sums.mean()")
    assert not read["y"].has_graph


def test_what_is_written_without_recording_brings_none(trained) -> None:
    read = trained(
        "out = model(x)\nsums = torch.zeros(4, 2)\nwith torch.no_grad():\n    sums.add_(out)\ny = sums.mean()"
    )
    assert not read["y"].has_graph
    assert not read["y"].cuts


def test_what_was_taken_out_of_the_graph_stays_known(trained) -> None:
    read = trained("out = model(x).detach()\nsums = torch.zeros(4, 2)\nsums.add_(out)\ny = sums.mean()")
    assert [cut.operation for cut in read["y"].cuts] == ["detach"]


def test_parameters_stay_what_they_are(trained) -> None:
    read = trained("out = model(x)\nfor weight in model.parameters():\n    weight.add_(out)")
    assert isinstance(read["weight"], Tensor)
    assert read["weight"].leaf is not None


@pytest.mark.parametrize("name", ["rows", "found"])
def test_lists_and_tables_stay_what_they_are(trained, name: str) -> None:
    read = trained(f"rows, found = [0, 0], {{}}\n{name}[0] = model(x)")
    assert not isinstance(read[name], Tensor)
