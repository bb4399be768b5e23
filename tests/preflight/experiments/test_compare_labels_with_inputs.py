"""Labels among the inputs: columns and channels that are the label, and those that only look like it."""

import pytest

from osler.model import Severity
from osler.testing import try_out

LOOP = """
torch.manual_seed(1)
count = {count}
x, y = torch.randn(count, 8), torch.randint(0, 3, (count,))
{make}
loader = DataLoader(TensorDataset(x, y), batch_size={batch}, shuffle=True)
model = {model}
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        {first}
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""
CE = "F.cross_entropy(model(x), y)"
MSE = "F.mse_loss(model(x)[:, 0], y)"
CONV = "nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(64, 3))"


def told(
    make: str, loss: str = CE, model: str = "nn.Linear(8, 4)", *, count: int = 320, batch: int = 32,
    first: str = "pass",
):  # fmt: skip
    code = LOOP.format(make=make, loss=loss, model=model, count=count, batch=batch, first=first)
    diagnosis = try_out(code, "compare-labels-with-inputs")
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if f.check == "targets-visible-in-inputs"]


LEAKS = {
    "the label itself": ("x[:, 5] = y", CE, {}, "yes: column `5`, in all of 320 samples"),
    "by another name": ("x[:, 5] = torch.tensor([7.0, -2.0, 0.5])[y]", CE, {}, "yes: column `5`"),
    "standardised": ("x[:, 5] = (y - y.float().mean()) / y.float().std()", CE, {}, "yes: column `5`"),
    "one column for each class": ("x[:, 2:5] = F.one_hot(y, 3)", CE, {}, "yes: columns `2`, `3`, `4`"),
    "yes or no": (
        "y = (y > 0).float(); x[:, 0] = 1 - y",
        "F.binary_cross_entropy_with_logits(model(x)[:, 0], y)",
        {},
        "yes: column `0`",
    ),
    "labels with an axis": (
        "y = (y > 0).float()[:, None]; x[:, :1] = y",
        "F.binary_cross_entropy_with_logits(model(x)[:, :1], y)",
        {},
        "yes: column `0`",
    ),
    "a channel": (
        "x = torch.randn(count, 2, 6, 6); x[:, 1] = y[:, None, None] / 2",
        CE,
        {"model": CONV},
        "yes: channel `1`",
    ),
    "a corner of one channel": (
        "x = torch.randn(count, 1, 6, 6); x[:, 0, 0, 0] = y / 2",
        CE,
        {"model": CONV.replace("2, 4, 3", "1, 4, 3")},
        "yes: pixel `0`, in all of 320 samples",
    ),
    "one pixel for each class": (
        "x = torch.rand(count, 2, 8, 8); x[:, :, 7, 2:5] = F.one_hot(y, 3)[:, None].float()",
        CE,
        {"model": CONV.replace("64", "144")},
        "yes: pixels `58`, `59`, `60`",
    ),
    "small batches": ("x[:, 5] = y", CE, {"batch": 16}, "yes: column `5`, in all of 160 samples"),
    "one large batch": ("x[:, 5] = y", CE, {"batch": 320}, "yes: column `5`, in all of 320 samples"),
}


@pytest.mark.parametrize(("make", "loss", "more", "says"), LEAKS.values(), ids=LEAKS.keys())
def test_a_feature_is_the_label(make: str, loss: str, more: dict[str, object], says: str) -> None:
    answer, (finding,) = told(make, loss, **more)  # type: ignore[arg-type]
    assert answer.answer.startswith(says)
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize("unit", ["y", "1000 * y", "(y - 3) / 7"])
def test_a_feature_is_the_target_in_another_unit(unit: str) -> None:
    answer, (finding,) = told(f"y = x @ torch.randn(8); x[:, 3] = {unit}", MSE)
    assert answer.answer == "yes: column `3`, in all of 320 samples"
    assert finding.severity is Severity.WARNING


HEALTHY = {
    "nothing of it": ("pass", CE, {}),
    "nearly always": ("x[:, 5] = y; x[::40, 5] = 9.0", CE, {}),
    "tells one class of three": ("x[:, 5] = (y == 1).float()", CE, {}),
    "tells two classes of three": ("x[:, 4] = (y == 0).float(); x[:, 5] = (y == 1).float()", CE, {}),
    "a threshold of a feature": ("y = (x[:, 0] > 0).long()", CE, {}),
    "the sign of a feature, spread out": (
        "y = (x[:, 0] > 0).long(); x[:, 0] += torch.randn(count) * 0.1",
        CE,
        {},
    ),
    "the largest feature": ("y = x[:, :4].argmax(1)", CE, {}),
    "a rare class, a rare feature": ("y = torch.zeros(count).long(); y[:9] = 1; x[:, 2] = y", CE, {}),
    "one class alone": ("y = torch.zeros(count).long(); x[:, 2] = 1.0", CE, {}),
    "and of two bits": ("x = (x > 0).float(); y = (x[:, 0] * x[:, 1]).long()", CE, {}),
    "number of the sample": ("x[:, 0] = torch.arange(count)", CE, {}),
    "line with noise": ("y = 2 * x[:, 0] + 0.01 * torch.randn(count)", MSE, {}),
    "sum of two features": ("y = x[:, 0] + x[:, 1]", MSE, {}),
    "power of a feature": ("y = x[:, 0] ** 3", MSE, {}),
    "an outlier in both": ("y = torch.randn(count); y[0] = x[0, 0] = 1e9", MSE, {}),
    "not heeded": (
        "x[:, 0] = y",
        CE,
        {"model": "nn.Linear(8, 4); model.weight.data[:, 0] = 0.0"},
    ),
    "a corner that is not heeded": (
        "x = torch.randn(count, 1, 6, 6); x[:, 0, 0, 0] = y / 2",
        CE,
        {"model": "nn.Sequential(nn.ZeroPad2d((-1, 0, -1, 0)), nn.Flatten(), nn.Linear(25, 3))"},
    ),
    "brightness": (
        "x = torch.randn(count, 1, 6, 6) + y[:, None, None, None]",
        CE,
        {"model": CONV.replace("2, 4, 3", "1, 4, 3")},
    ),
    "a channel with a pattern": (
        "x = torch.randn(count, 2, 6, 6); x[:, 1, :3] = y[:, None, None].float()",
        CE,
        {"model": CONV},
    ),
}


@pytest.mark.parametrize(("make", "loss", "more"), HEALTHY.values(), ids=HEALTHY.keys())
def test_what_only_looks_like_it(make: str, loss: str, more: dict[str, object]) -> None:
    answer, found = told(make, loss, **more)  # type: ignore[arg-type]
    assert answer.answer.startswith("no, not in 320") or answer.answer.endswith("model does not heed it")
    assert found == []


AS_HANDED = "no rows of several columns, and no images, are used as they are handed out, with a label each"
REFUSED = {
    "few samples": ({"make": "x[:, 5] = y", "count": 96}, "96 samples are at hand, it takes 128"),
    "rebuilds its input": (
        {"make": "y = x", "loss": "F.mse_loss(model(x), y)", "model": "nn.Linear(8, 8)"},
        AS_HANDED,
    ),
    "tells many labels": (
        {"make": "y = (x > 0).float()", "loss": "F.binary_cross_entropy_with_logits(model(x), y)",
         "model": "nn.Linear(8, 8)"},
        AS_HANDED,
    ),
    "repeats a token": (
        {"make": "x = torch.randint(0, 3, (count, 8)); y = x[:, 0]",
         "model": "nn.Sequential(nn.Embedding(3, 4), nn.Flatten(), nn.Linear(32, 3))"},
        AS_HANDED,
    ),
    "one feature": (
        {"make": "x = x[:, :1]; y = 2 * x[:, 0] + 1", "loss": MSE, "model": "nn.Linear(1, 1)"},
        AS_HANDED,
    ),
    "labels mixed": ({"make": "x[:, 5] = y", "first": "y = y[torch.randperm(len(y))]"}, AS_HANDED),
    "conditional generator": (
        {"make": "x[:, 5] = y", "loss": "F.mse_loss(model(torch.cat([x, F.one_hot(y, 3)], 1)), x)",
         "model": "nn.Linear(11, 8)"},
        AS_HANDED,
    ),
    "two losses": ({"make": "x[:, 5] = y", "loss": f"({CE} + F.mse_loss(model(x), torch.zeros(len(x), 4)))"},
                   "the first turn does not have one loss over classes or amounts"),
    "contrastive": ({"make": "x[:, 5] = y", "loss": "(model(x) @ model(x).T).logsumexp(1).mean()"},
                    "the first turn does not have one loss over classes or amounts"),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_where_a_label_may_be_an_input_it_is_not_asked(parts: dict[str, object], why: str) -> None:
    answer, found = told(**parts)  # type: ignore[arg-type]
    assert answer.skipped == why
    assert found == []


MARGIN = """
class Margin(Net):
    def forward(self, x, y):
        scores = super().forward(x)
        return scores - 0.5 * F.one_hot(y, 4)


model = Margin()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x, y), y).backward()
        optimizer.step()
"""


def test_a_label_that_is_an_argument_of_its_own() -> None:
    diagnosis = try_out(MARGIN, "compare-labels-with-inputs")
    assert diagnosis.experiments[0].answer == "no, not in 160 samples"
    assert "targets-visible-in-inputs" not in [f.check for f in diagnosis.findings]
