"""Windows that end with their own target, whether the model heeds that, and what is not asked."""

import pytest

from osler.model import Severity
from osler.testing import try_out

CODE = """
torch.manual_seed(1)
series = torch.randn(400).cumsum(0)
windows = series[: {count} + 40].unfold(0, 40, 1)[: {count}]  # (sample, step)
{make}
data = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(1, 16, batch_first=True), nn.Linear(16, {ahead})

    def forward(self, x):
        {forward}


model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in data:
        {first}
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""
LAST = "return self.head(self.rnn(x)[0][:, -1])"
MSE = "F.mse_loss(model(x), y)"


def told(
    make: str, *, count: int = 300, ahead: int = 1, forward: str = LAST, first: str = "pass", loss: str = MSE
):
    code = CODE.format(make=make, count=count, ahead=ahead, forward=forward, first=first, loss=loss)
    diagnosis = try_out(code, "compare-targets-with-windows")
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if f.check == "targets-visible-in-inputs"]


REACHING = {
    "one step": ("x, y = windows[:, :24, None], windows[:, 23:24]", {}, "the last step of 24"),
    "one number": (
        "x, y = windows[:, :24, None], windows[:, 23]",
        {"loss": "F.mse_loss(model(x)[:, 0], y)"},
        "the last step of 24",
    ),
    "in another unit": (
        "x, y = windows[:, :24, None], (windows[:, 23:24] - 5) / 3",
        {"loss": "F.l1_loss(model(x), y)"},
        "the last step of 24",
    ),
    "twelve ahead": (
        "x, y = windows[:, :24, None], windows[:, 21:33]",
        {"ahead": 12},
        "the last 3 steps of 24",
    ),
    "no axis of features": (
        "x, y = windows[:, :24], windows[:, 23:35]",
        {"ahead": 12, "forward": LAST.replace("(x)", "(x[..., None])")},
        "the last step of 24",
    ),
    "steps behind features": (
        "x, y = windows[:, None, :24], windows[:, 23:24]",
        {"forward": LAST.replace("(x)", "(x.mT)")},
        "the last step of 24",
    ),
    "one large batch": (
        "x, y = windows[:, :24, None], windows[:, 23:24]",
        {"first": "x, y = x.float(), y.float()"},
        "the last step of 24",
    ),
}


@pytest.mark.parametrize(("make", "more", "says"), REACHING.values(), ids=REACHING.keys())
def test_a_window_that_ends_with_its_target(make: str, more: dict[str, object], says: str) -> None:
    answer, (finding,) = told(make, **more)  # type: ignore[arg-type]
    assert answer.answer == f"yes: {says}, in all of 300 samples"
    assert finding.severity is Severity.WARNING


EACH = "return self.head(self.rnn(x)[0])[..., 0]"
HEALTHY = {
    "what follows": ("x, y = windows[:, :24, None], windows[:, 24:25]", {}, "no, not in 300 samples"),
    "twelve that follow": (
        "x, y = windows[:, :24, None], windows[:, 24:36]",
        {"ahead": 12},
        "no, not in 300 samples",
    ),
    "each step the next": (
        "x, y = windows[:, :25, None], windows[:, 1:25]",
        {"forward": EACH.replace("(x)", "(x[:, :-1])")},
        "no, not in 300 samples",
    ),
    "the last steps from those before each": (
        "x, y = windows[:, :24, None], windows[:, 19:25]",
        {"forward": f"{EACH}[:, -6:]"},
        "yes, with the last 5 steps, but the model does not heed it",
    ),
    "the last step is left out": (
        "x, y = windows[:, :24, None], windows[:, 23:24]",
        {"forward": LAST.replace("(x)", "(x[:, :-1])")},
        "yes, with the last step, but the model does not heed it",
    ),
    "a series that stands still": (
        "windows = torch.randn(300, 1).expand(300, 40); x, y = windows[:, :24, None], windows[:, 24:25]",
        {},
        "no, not in 300 samples",
    ),
    "the target with noise": (
        "x, y = windows[:, :24, None], windows[:, 23:24] + 0.01 * torch.randn(300, 1)",
        {},
        "no, not in 300 samples",
    ),
}


@pytest.mark.parametrize(("make", "more", "says"), HEALTHY.values(), ids=HEALTHY.keys())
def test_what_only_looks_like_it(make: str, more: dict[str, object], says: str) -> None:
    answer, found = told(make, **more)  # type: ignore[arg-type]
    assert answer.answer == says
    assert found == []


AS_HANDED = "no series of real numbers are used as they are handed out, with targets for each"
GIVEN = "x, y = windows[:, :24, None], windows[:, 23:24]"
REFUSED = {
    "few samples": ({"make": GIVEN, "count": 96}, "96 samples are at hand, it takes 128"),
    "an autoencoder": (
        {"make": "x, y = windows[:, :24, None], windows[:, :24]", "forward": EACH},
        AS_HANDED,
    ),
    "its own targets": ({"make": GIVEN, "first": "y = x[:, -1] * 0.5"}, AS_HANDED),
    "noise on its inputs": ({"make": GIVEN, "first": "x = x + torch.randn_like(x)"}, AS_HANDED),
    "few steps": (
        {"make": "x, y = windows[:, :3, None], windows[:, 2:3]"},
        AS_HANDED,
    ),
    "a table, which another experiment looks at": (
        {"make": "x, y = windows[:, :24], windows[:, 23:24]",
         "forward": LAST.replace("(x)", "(x[..., None])")},
        AS_HANDED,
    ),
    "classes": (
        {"make": "x, y = windows[:, :24, None], (windows[:, 23] > 0).long()", "ahead": 2,
         "loss": "F.cross_entropy(model(x), y)"},
        "the first turn does not have one loss over amounts",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_is_not_asked(parts: dict[str, object], why: str) -> None:
    answer, found = told(**parts)  # type: ignore[arg-type]
    assert answer.skipped == why
    assert found == []
