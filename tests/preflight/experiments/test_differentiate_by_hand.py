"""Custom functions with right gradients, wrong ones, and ones that are others on purpose."""

import pytest

from osler.preflight.experiments import differentiate_by_hand
from osler.testing import try_out

CODE = """
class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x{more}):
        ctx.save_for_backward(x)
        return {forward}

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return {backward}


for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model[4](Own.apply(model[:4](x){given})), y).backward()
        optimizer.step()
"""


def told(forward: str, backward: str, more: str = "", given: str = "", code: str = CODE):
    diagnosis = try_out(
        code.format(forward=forward, backward=backward, more=more, given=given), "differentiate-by-hand"
    )
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if "setup" in f.seen_by]


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        ("x * x", "g * 2 * x"),
        ("x.sigmoid()", "g * x.sigmoid() * (1 - x.sigmoid())"),
        ("x * (x > 0.1)", "g * (x > 0.1)"),
        ("x @ torch.ones(16, 16)", "g @ torch.ones(16, 16, dtype=g.dtype)"),
        ("x / (x.norm() + 1)", "g / (x.norm() + 1) - x * (g * x).sum() / (x.norm() * (x.norm() + 1) ** 2)"),
    ],
    ids=["square", "sigmoid", "shrink", "linear", "norm"],
)
def test_right_gradients(forward: str, backward: str) -> None:
    forward = forward.replace("torch.ones(16, 16)", "torch.ones(16, 16, dtype=x.dtype)")
    answer, found = told(forward, backward)
    assert answer.answer == "yes, 1 function"
    assert found == []


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        ("x * x", "g * x"),
        ("x * x", "-g * 2 * x"),
        ("x.sigmoid()", "g * x * (1 - x)"),
        ("(x * 1.5).tanh()", "g * (1 - (x * 1.5).tanh() ** 2)"),
    ],
    ids=["factor", "sign", "saved before", "inner slope"],
)
def test_wrong_gradients(forward: str, backward: str) -> None:
    answer, (finding,) = told(forward, backward)
    assert answer.answer == "no: `Own`"
    assert finding.check == "custom-gradient-wrong"
    assert "The gradient of `Own` differs from the slope of its forward" in finding.message


@pytest.mark.parametrize(
    ("forward", "backward", "why"),
    [
        ("x.view_as(x)", "-g", "`Own` returns what it is given"),
        ("x.clone()", "g.clamp(-0.01, 0.01)", "`Own` returns what it is given"),
        ("x.round()", "g", "`Own` is flat or has edges"),
        ("(x > 0.5).to(x)", "g / (1 + x.abs()) ** 2", "`Own` is flat or has edges"),
        ("x * x", "(g * 2 * x).clamp(-0.01, 0.01)", "`Own` changes gradients by their size on purpose"),
        ("x.float() * 2", "g * 3", "`Own` returns no real numbers in double precision"),
        ("x * 2", "None", "`Own` gives no gradient"),
    ],
    ids=["reversal", "clips", "rounds", "spikes", "clips later", "single precision", "none"],
)
def test_other_gradients_on_purpose(forward: str, backward: str, why: str) -> None:
    answer, found = told(forward, backward)
    assert answer.skipped.startswith(why)
    assert found == []


def test_a_floor_that_lets_gradients_through() -> None:
    answer, found = told("x.clamp(min=0.3)", "g * ((x >= 0.3) | (g < 0))")
    assert "no" not in answer.answer.split(":")[0]
    assert found == []


def test_arguments_that_are_no_tensors() -> None:
    answer, found = told("x * x * scale", "(g * 2 * x * 3.0, None)", ", scale", ", 3.0")
    assert answer.answer == "yes, 1 function"
    answer, found = told("call(x)", "(g, None)", ", call", ", torch.square")
    assert answer.skipped == "`Own` is given a module or function to call"
    assert found == []


def test_context_that_is_set_up_apart() -> None:
    code = CODE.replace("forward(ctx, x{more}):\n        ctx.save_for_backward(x)\n", "forward(x{more}):\n")
    body = "setup_context(ctx, inputs, output):\n        ctx.save_for_backward(inputs[0])"
    apart = f"    @staticmethod\n    def {body}\n\n"
    code = code.replace("    @staticmethod\n    def backward", f"{apart}    @staticmethod\n    def backward")
    answer, found = told("x * x", "g * 2 * x", code=code)
    assert (answer.answer, found) == ("yes, 1 function", [])
    answer, (finding,) = told("x * x", "g * x", code=code)
    assert finding.check == "custom-gradient-wrong"


def test_scripts_without_functions_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differentiate_by_hand, "own_functions", lambda bench: [])  # those of other tests
    loop = "for x, y in loader:\n    loss_fn(model(x), y).backward()\n    optimizer.step()\n"
    (answer,) = try_out(loop, "differentiate-by-hand").experiments
    assert answer.skipped == "the script has no autograd functions of its own"
