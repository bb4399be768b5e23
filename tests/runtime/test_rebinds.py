"""Which statements give a parameter's name to a new tensor that is no parameter."""

import pytest

from osler.runtime.rebinds import rebinds

STATEMENTS = {
    "a name": ("w = w - 0.1 * w.grad", ["w"]),
    "an item": ("ws[0] = ws[0] - 0.1 * ws[0].grad", ["ws[0]"]),
    "an attribute": ("self.w = self.w - lr * self.w.grad.data", ["self.w"]),
    "the variable of a loop": ("for p in ps:\n    p = p - p.grad", ["p"]),
    "in place": ("w -= 0.1 * w.grad", []),
    "another's gradient": ("w = w - 0.1 * v.grad", []),
    "its data": ("w.data = w.data - 0.1 * w.grad", []),
    "a leaf": ("w = (w - 0.1 * w.grad).detach()", []),
    "a parameter": ("w = nn.Parameter(w - w.grad)", []),
    "made a leaf": ("w = w - w.grad\nw.requires_grad_()", []),
    "renewed in every turn": (
        "for _ in turns:\n    x = torch.tensor(x, requires_grad=True)\n    x = x + 0.1 * x.grad.sign()",
        [],
    ),
    "made before the loop": (
        "w = torch.zeros(3, requires_grad=True)\nwhile True:\n    w = w - 0.1 * w.grad",
        ["w"],
    ),
    "the gradient itself": ("g = w.grad", []),
    "no code": ("w = w - w.grad (", []),
}


@pytest.mark.parametrize(("code", "expected"), STATEMENTS.values(), ids=STATEMENTS)
def test_what_is_rebound(tmp_path, code: str, expected: list[str]) -> None:
    file = tmp_path / "train.py"
    file.write_text(code)
    assert [fact.name for fact in rebinds([str(file)])] == expected


def test_a_loop_is_known_as_one(tmp_path) -> None:
    file = tmp_path / "train.py"
    file.write_text("for n, p in ps:\n    p = p - p.grad\nfor _ in range(3):\n    w = w - w.grad\n")
    assert [fact.in_loop for fact in rebinds([str(file)])] == [True, False]
