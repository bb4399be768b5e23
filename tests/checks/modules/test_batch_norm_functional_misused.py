import pytest

from osler.checks.modules.batch_norm_functional_misused import check
from osler.model import Finding, IdleNormFact, Kind, Run, Severity
from osler.testing import event, examine, findings, place, read, run_of

LOOP = """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 16)
        self.norm = nn.BatchNorm1d(16)
        self.head = nn.Linear(16, 4)
        self.register_buffer("mean", torch.zeros(16))
        self.register_buffer("variance", torch.ones(16))

    def forward(self, x):
        norm, h = self.norm, self.linear(x)
        h = {call}
        return self.head(torch.relu(h))


model = Block()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
{before}
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        {after}
"""


def loop(call: str, before: str = "", after: str = "pass") -> str:
    return LOOP.format(call=call, before=before, after=after)


def seen(code: str) -> list[Finding]:
    diagnosis = examine(code)
    assert not diagnosis.failed
    return [f for f in diagnosis.findings if f.check == check.name]


FAULTY = {
    "buffers of a layer": loop(
        "F.batch_norm(h, norm.running_mean, norm.running_var, norm.weight, norm.bias)"
    ),
    "buffers of its own": loop("F.batch_norm(h, self.mean, self.variance, norm.weight, norm.bias)"),
    "made at every call": loop("F.batch_norm(h, torch.zeros(16), torch.ones(16))"),
}

OWN = "F.batch_norm(h, self.mean, self.variance, norm.weight, norm.bias{})"

QUIET = {
    "a layer": loop("norm(h)"),
    "a layer in eval mode": loop("norm(h)", "model.eval()"),
    "the mode is passed on": loop(OWN.format(", training=self.training")),
    "always in training": loop("F.batch_norm(h, None, None, norm.weight, norm.bias, training=True)"),
    "statistics of an earlier training": loop(
        OWN.format(""), "model.mean.fill_(0.1); model.variance.fill_(2.0)"
    ),
    "updated by hand": loop(
        OWN.format(""), after="model.mean.mul_(0.9).add_(model.linear(x).detach().mean(0))"
    ),
    "another normalisation": loop("F.layer_norm(h, (16,), norm.weight, norm.bias)"),
    "evaluated only": loop("norm(h)")
    + "    with torch.no_grad(): F.batch_norm(x, torch.zeros(8), torch.ones(8))\n",
}


@pytest.mark.parametrize("code", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(code: str) -> None:
    (found,) = seen(code)
    assert (found.place.line, found.severity) == (45, Severity.WARNING)


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET.keys())
def test_stays_quiet(code: str) -> None:
    assert seen(code) == []


def run(looks: int = 3, first: int = 0, step: int = 7) -> Run:
    backward, steps = event(Kind.BACKWARD, "", 20), event(Kind.STEP, "SGD", 21, "fresh")
    fact = IdleNormFact(backward.site, ((place(9),),), 1, looks, first, step)
    return run_of([[backward, steps]] * 8, idle_norms=[fact])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(), [check])
    assert found.message == (
        "`batch_norm` is called with `training=False` and normalises by a mean of 0 and a variance of 1, as "
        "at the start: in 7 steps nothing has updated them."
    )
    assert found.place.line == 9
    assert [(r.place.line, r.label) for r in found.related] == [(20, "this backward goes through it")]


@pytest.mark.parametrize("healthy", [run(1), run(2, 0, 0)])
def test_waits_for_a_step(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_does_not_apply_without_such_calls() -> None:
    assert check.applies(Run()) == "no backward went through BatchNorm with unchanged statistics"


def test_says_what_was_read() -> None:
    code = loop("F.batch_norm(h, self.mean, self.variance, norm.weight, norm.bias)")
    (found,) = read(code, [check]).findings
    assert found.message == (
        "`batch_norm` is called without `training=` and normalises by `self.mean`, which no line updates."
    )
    assert (found.place.line, found.place.subject) == (45, "self.mean")


def test_is_read_in_silence_where_it_is_told_the_mode() -> None:
    code = loop("F.batch_norm(h, self.mean, self.variance, training=self.training)")
    assert read(code, [check]).findings == ()
