"""Calls of loss functions: what goes in, and how the result was reduced."""

import pytest

from osler.model import Const, Kind, Loss, Unknown
from osler.static.losses import reduction

SETUP = "out, y = model(x), torch.zeros(2)\n"


def noted(read) -> tuple[str, object, object]:
    (action,) = [a for a in read.actions if a.kind is Kind.LOSS]
    assert isinstance(action.subject, Loss)
    return action.subject.made, action.value, action.target


@pytest.mark.parametrize(
    ("call", "function"),
    [
        ("nn.CrossEntropyLoss()(out, y)", "cross_entropy"),
        ("F.cross_entropy(out, y)", "cross_entropy"),
        ("F.cross_entropy(input=out, target=y)", "cross_entropy"),
        ("F.cross_entropy(target=y, input=out)", "cross_entropy"),
        ("nn.BCEWithLogitsLoss().forward(out, y)", "binary_cross_entropy_with_logits"),
        ("nn.MSELoss(reduction='sum')(out, y)", "mse_loss"),
        ("nn.CrossEntropyLoss().to(device)(out, y)", "cross_entropy"),
        ("nn.CrossEntropyLoss().cuda()(out, y)", "cross_entropy"),
        ("nn.CrossEntropyLoss().eval()(out, y)", "cross_entropy"),
        ("torch.nn.functional.kl_div(out, y)", "kl_div"),
    ],
)
def test_a_loss_is_noted_with_what_it_compares(trained, call, function) -> None:
    read = trained(f"{SETUP}loss = {call}")
    made, value, target = noted(read)
    assert made == function
    assert (value, target) == (read["out"], read["y"])


@pytest.mark.parametrize(
    "call",
    [
        "cross_entropy(out, y)",
        "losses.cross_entropy(out, y)",
        "nn.Linear(1, 1)(out)",
        "nn.CrossEntropyLoss()",
        "F.cross_entropy",
    ],
)
def test_what_is_no_call_of_a_loss_of_torch(trained, call) -> None:
    assert "loss" not in " ".join(trained(f"{SETUP}loss = {call}").told)


def test_a_loss_reaches_what_its_input_and_its_target_reach(trained) -> None:
    read = trained("other = nn.Linear(1, 1)\nloss = F.mse_loss(model(x), other(x))")
    assert read["loss"].networks == {read["model"], read["other"]}


@pytest.mark.parametrize(
    ("options", "reduced"),
    [
        ({}, "mean"),
        ({"reduction": Const("sum")}, "sum"),
        ({"reduction": Const("none")}, "none"),
        ({"reduction": Unknown()}, "unknown"),
        ({"reduce": Const(False)}, "unknown"),
        ({"size_average": Const(True)}, "unknown"),
        ({"weight": Unknown()}, "mean"),
    ],
)
def test_how_a_loss_is_reduced(options, reduced) -> None:
    assert reduction(options) == reduced


@pytest.mark.parametrize(
    ("expression", "reduced"),
    [
        ("F.mse_loss(out, y)", "mean"),
        ("F.mse_loss(out, y, reduction='sum')", "sum"),
        ("nn.MSELoss(reduction='none')(out, y)", "none"),
        ("F.mse_loss(out, y, **options)", "mean"),
        ("F.mse_loss(out, y) / 4", "scaled"),
        ("F.mse_loss(out, y) * weight", "scaled"),
        ("F.mse_loss(out, y) + 1", "mean"),
        ("F.mse_loss(out, y, reduction='none').mean()", "mean"),
        ("F.mse_loss(out, y) + F.l1_loss(out, y)", ""),
        ("out", ""),
    ],
)
def test_what_becomes_of_it(trained, expression, reduced) -> None:
    assert trained(f"{SETUP}loss = {expression}")["loss"].reduced == reduced


@pytest.mark.parametrize("method", ["state_dict()", "parameters()", "register_buffer('w', w)"])
def test_what_is_asked_of_a_loss_object_is_no_loss(trained, method) -> None:
    read = trained(f"loss_fn = nn.CrossEntropyLoss()\nx = loss_fn.{method}")
    assert isinstance(read["x"], Unknown)
    assert read.told == []
