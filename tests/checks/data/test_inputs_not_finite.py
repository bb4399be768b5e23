import pytest

from osler.checks.data.inputs_not_finite import check
from osler.model import InputFact, Run
from osler.testing import examine, findings, place, run_of

LOOP = """
data = torch.randn(192, 8)
labels = data[:, :4].argmax(1)
{broken}
for x, y in DataLoader(TensorDataset(data, labels), batch_size=16):
    optimizer.zero_grad()
    {before}
    loss = {loss}
    loss.backward()
    optimizer.step()
"""

INSIDE = """
def step(batch):
    images, targets = batch["x"], batch["y"]
    optimizer.zero_grad()
    loss_fn(model(images), targets).backward()
    optimizer.step()

for x, y in loader:
    x[3, 5] = float("inf")
    step({"x": x, "y": y})
"""

BREAK = "data[100, 3] = float('nan')"
PLAIN = "loss_fn(model(x), y)"


def seen(code: str) -> list[str]:
    diagnosis = examine(code)
    assert not diagnosis.failed
    return [g.cause.message for g in diagnosis.groups if g.cause.check == check.name]


def test_a_broken_sample() -> None:
    (message,) = seen(LOOP.format(broken=BREAK, before="", loss=PLAIN))
    assert message == (
        "`data`, of shape (192, 8), held 1 NaN in 1 sample, first in sample 100, when the loss of step 6 was "
        "no finite number."
    )


def test_inside_a_function() -> None:
    (message,) = seen(INSIDE)
    assert message.startswith(
        "`batch`, of shape (16, 8), held 1 infinite value in 1 sample, first in sample 3"
    )


HEALTHY = {
    "finite": ("", "", PLAIN),
    "filled": (BREAK, "x = x.nan_to_num()", PLAIN),
    "a mask": (BREAK, "x = torch.where(x.isnan(), 0.0, x)", PLAIN),
    "left out": (BREAK, "keep = ~x.isnan().any(1)", "loss_fn(model(x[keep]), y[keep])"),
    "the loss itself": ("", "", f"{PLAIN} * float('nan')"),
    "an infinite constant": ("low = torch.tensor(float('-inf'))", "", f"{PLAIN} / 0"),
    "a mask of attention": ("mask = torch.full((6, 6), float('-inf')).triu(1)", "", f"{PLAIN} / 0"),
    "a lowest loss": ("best = torch.full((4,), float('inf'))", "", f"{PLAIN} / 0"),
    "scores kept aside": ("", "scores = (model(x) / 0).detach()", "loss_fn(model(x) / 0, y)"),
    "a record of losses": (
        "history = torch.zeros(99)",
        "history[0] = (loss_fn(model(x), y) / 0).item()",
        f"{PLAIN} / 0",
    ),
    "filled, and another reason": (BREAK, "x = x.nan_to_num()", f"{PLAIN} * float('nan')"),
}


@pytest.mark.parametrize(("broken", "before", "loss"), HEALTHY.values(), ids=HEALTHY.keys())
def test_stays_quiet(broken: str, before: str, loss: str) -> None:
    assert seen(LOOP.format(broken=broken, before=before, loss=loss)) == []


def test_says_what_was_seen() -> None:
    fact = InputFact("x", (place(13),), 6, (16, 8), 5, 3, 2, 4)
    (found,) = findings(run_of(inputs=[fact]), [check])
    assert "held 3 NaN and 2 infinite values in 2 samples, first in sample 4" in found.message
    assert (found.place.line, found.place.step) == (13, 6)


def test_does_not_apply_without_training() -> None:
    assert check.applies(Run()) == "no backward was seen"
