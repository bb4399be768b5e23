"""A last batch of one sample: loops that stop at it, those that take it, and those that never meet it."""

import pytest

from osler.model import Severity
from osler.testing import try_out

LOOP = """
{before}
loader = DataLoader(rows({count}), batch_size=16{more})
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in {over}:
        {first}
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""


def told(
    before: str = "pass",
    loss: str = "loss_fn(model(x), y)",
    *,
    count: int = 321,
    more: str = "",
    over: str = "loader",
    first: str = "pass",
):
    code = LOOP.format(before=before, loss=loss, count=count, more=more, over=over, first=first)
    return answered(code)


def answered(code: str):
    diagnosis = try_out(code, "call-with-one-sample")
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if f.check == "batch-of-one" and "setup" in f.seen_by]


def test_batch_norm_stops_at_it() -> None:
    answer, (finding,) = told()  # the model of the prelude has BatchNorm
    raised = (
        "ValueError: Expected more than 1 value per channel when training, got input size torch.Size([1, 16])"
    )
    assert answer.answer == f"no: `Sequential` stops with {raised}"
    assert finding.message == (
        "321 samples in batches of 16 leave one over, and `Sequential` stops at a batch of one sample: "
        f"{raised}."
    )
    assert finding.severity is Severity.WARNING
    assert finding.seen_by == ("code", "setup", "run")
    assert finding.related[0].label == "fails here"


SQUEEZE_IN_THE_LOOP = """
model = nn.Linear(8, 1)
{squeeze}
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
loader = DataLoader(TensorDataset(torch.randn(321, 8), torch.ones(321)), batch_size=16)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    "scores", ["model(x).squeeze()", "torch.sigmoid(model(x).squeeze())", "model(x).squeeze().double()"]
)
def test_a_squeeze_in_the_loop_loses_the_axis(scores: str) -> None:
    function = "binary_cross_entropy" + ("" if "sigmoid" in scores else "_with_logits")
    _, (finding,) = answered(SQUEEZE_IN_THE_LOOP.format(squeeze="", loss=f"F.{function}({scores}, y)"))
    assert finding.severity is Severity.WARNING
    assert f"`{function}` stops at a batch of one sample: ValueError: " in finding.message


def test_a_squeeze_in_the_model_loses_the_axis() -> None:
    squeeze = "model.register_forward_hook(lambda m, a, out: out.squeeze())"
    loss = "F.binary_cross_entropy_with_logits(model(x), y)"
    answer, (finding,) = answered(SQUEEZE_IN_THE_LOOP.format(squeeze=squeeze, loss=loss))
    assert answer.answer.startswith("no: `binary_cross_entropy_with_logits` stops with ValueError: ")
    assert "`squeeze(1)`" in finding.fix


def test_cross_entropy_takes_scores_without_an_axis() -> None:
    squeeze = "model = Net(); model.register_forward_hook(lambda m, a, out: out.squeeze())"
    answer, found = told(squeeze)
    assert answer.answer == "the model takes it, and returns shape (4,) instead of (1, 4)"
    assert [f.severity for f in found] == [Severity.HINT]


@pytest.mark.parametrize("scores", ["model(x).squeeze(1)", "model(x)[:, 0]", "model(x).view(-1)"])
def test_an_axis_that_is_named_stays(scores: str) -> None:
    answer, found = answered(
        SQUEEZE_IN_THE_LOOP.format(squeeze="", loss=f"F.binary_cross_entropy_with_logits({scores}, y)")
    )
    assert answer.answer == "yes"
    assert found == []


def test_a_loss_that_takes_any_shape_is_a_hint() -> None:
    squeeze = (
        "model = nn.Sequential(nn.Linear(8, 1)); model.register_forward_hook(lambda m, a, out: out.squeeze())"
    )
    answer, found = told(squeeze, "(model(x) - y).square().mean()")
    assert answer.answer == "the model takes it, and returns shape () instead of (1,)"
    assert [f.severity for f in found] == [Severity.HINT]


TAKEN = {
    "layer norm": "model[1] = nn.LayerNorm(16)",
    "group norm": "model[1] = nn.GroupNorm(4, 16)",
    "frozen statistics": "model[1].eval()",
    "no norm": "model = Net()",
    "maps with many positions": (
        "model = nn.Sequential(nn.Unflatten(1, (1, 8)), nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Flatten(), "
        "nn.Linear(12, 4))"
    ),
}


def test_statistics_frozen_in_the_loop() -> None:
    answer, found = told(first="model.train(); model[1].eval()")
    assert answer.answer == "yes"
    assert found == []


@pytest.mark.parametrize("before", TAKEN.values(), ids=TAKEN.keys())
def test_what_one_sample_is_enough_for(before: str) -> None:
    answer, found = told(before)
    assert answer.answer == "yes"
    assert found == []


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"count": 320}, "no batch holds a single sample"),
        ({"count": 330}, "no batch holds a single sample"),
        ({"more": ", drop_last=True"}, "no batch holds a single sample"),
        ({"more": ", sampler=torch.utils.data.SubsetRandomSampler(range(320))"}, "no batch holds a single"),
        ({"first": "if len(x) == 1: continue"}, "the loop heeds the size of its batches, or catches errors"),
        ({"first": "if x.shape[0] < 16: continue"}, "the loop heeds the size of its batches"),
        ({"first": "if epoch > 5: break"}, "the loop may leave a pass before its last batch"),
        ({"over": "__import__('itertools').islice(loader, 20)"}, "the loop may leave a pass before"),
        ({"over": "zip(range(20), loader)", "first": "x, y = y"}, "the loop may leave a pass before"),
        ({"first": "x = x + 1"}, "what the model is given is not what the loader hands out"),
    ],
    ids=["even", "ten over", "left out", "sampler", "skips one", "skips smaller", "breaks", "islice", "zip",
         "changed"],
)  # fmt: skip
def test_where_no_such_batch_is_certain_it_is_not_asked(parts: dict[str, object], why: str) -> None:
    answer, found = told(**parts)  # type: ignore[arg-type]
    assert answer.skipped.startswith(why)
    assert found == []


def test_batches_of_one_on_purpose() -> None:
    code = LOOP.format(
        before="model = Net()", count=33, more="", over="loader", first="pass", loss="loss_fn(model(x), y)"
    )
    answer, found = answered(code.replace("batch_size=16", "batch_size=1"))
    assert answer.skipped == "no batch holds a single sample"
    assert found == []


EACH_STEP_A_NEW_PASS = """
loader = DataLoader(rows(321), batch_size=16, shuffle=True)
for step in range(60):
    x, y = next(iter(loader))
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
"""
GUARDED_IN_THE_MODEL = """
class Careful(Net):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(16)

    def forward(self, x):
        x = self.body(x)
        return self.head(self.norm(x) if len(x) > 1 else x)


model = Careful()
"""
CAUGHT = """
loader = DataLoader(rows(321), batch_size=16)
for epoch in range(epochs):
    for x, y in loader:
        try:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
        except ValueError:
            pass
"""


def test_a_pass_that_never_ends() -> None:
    answer, found = answered(EACH_STEP_A_NEW_PASS)
    assert answer.skipped == "no loader tells how large its last batch is"
    assert found == []


def test_a_model_that_takes_care() -> None:
    answer, found = told(GUARDED_IN_THE_MODEL)
    assert answer.answer == "yes"
    assert found == []


def test_a_loop_that_catches_the_error() -> None:
    answer, found = answered(CAUGHT)
    assert "catches errors" in answer.skipped
    assert found == []


ADVERSARIES = """
d = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 1))
g = nn.Sequential(nn.Linear(3, 64), nn.BatchNorm1d(64), nn.Linear(64, 8))
down, up = torch.optim.SGD(d.parameters(), lr=0.1), torch.optim.SGD(g.parameters(), lr=0.1)
loader = DataLoader(rows(321), batch_size=16)
for epoch in range(epochs):
    for x, y in loader:
        z = torch.randn(16, 3)  # always sixteen
        down.zero_grad()
        (d(g(z).detach()).mean() - d(x).mean()).backward()
        down.step()
        up.zero_grad()
        (-d(g(z)).mean()).backward()
        up.step()
"""


def test_a_generator_that_is_given_noise() -> None:
    answer, found = answered(ADVERSARIES)
    assert answer.skipped == "what the model is given is not what the loader hands out"
    assert found == []
