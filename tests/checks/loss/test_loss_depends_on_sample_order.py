"""Losses that sum up along samples in random order, and the many that only look as if they did."""

from textwrap import indent

import pytest

from osler.checks.loss.loss_depends_on_sample_order import check
from osler.model import Severity
from osler.testing import read

COX = """
def partial_likelihood(score, event):
    at_risk = torch.logcumsumexp(score, dim=0)
    return -((score - at_risk) * event).sum() / event.sum()
"""

RISK = """
class Risk(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 1, bias=False)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x))).squeeze(-1)

net = Risk()
opt = torch.optim.Adam(net.parameters())
"""

SORTED = """
x, time, event = torch.randn(192, 8), torch.rand(192), torch.ones(192)
order = time.argsort(descending=True)
x, time, event = x[order], time[order], event[order]
"""

SHUFFLED = "DataLoader(TensorDataset(x, time, event), batch_size=32, shuffle=True)"


def program(
    loss: str = "partial_likelihood(net(a), e)",
    defined: str = COX,
    made: str = SHUFFLED,
    net: str = RISK,
    before: str = "",
) -> str:
    """Data that are sorted once, a loader, and a training in which the loss is this."""
    return f"""
{defined}
{net}
{SORTED}
patients = {made}
for epoch in range(epochs):
    for a, t, e in patients:
{indent(before, " " * 8)}
        loss = {loss}
        opt.zero_grad()
        loss.backward()
        opt.step()
"""


def by_hand(turn: str, draw: str = "drawn = torch.randperm(len(x))") -> str:
    """Batches that are taken by numbers: what a loop over their starts does before the loss."""
    return f"""
import numpy as np
rng = np.random.default_rng(0)
{COX}
{RISK}
{SORTED}
for epoch in range(epochs):
    {draw}
    for start in range(0, len(x), 32):
{indent(turn, " " * 8)}
        opt.zero_grad()
        loss.backward()
        opt.step()
"""


def module(body: str) -> str:
    """A loss that is a module, with this in its `forward`."""
    return f"class Loss(nn.Module):\n    def forward(self, score, event):\n{indent(body, ' ' * 8)}\n"


def function(body: str, given: str = "score, event") -> str:
    """A loss that is a function."""
    return f"def cost({given}):\n{indent(body, ' ' * 4)}\n"


def found(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


def test_says_what_depends_on_the_order() -> None:
    (finding,) = read(program(), [check]).findings
    assert finding.message == (
        "`logcumsumexp` runs along the samples of the batch, so that the result depends on their order, but "
        "`patients` shuffles them and nothing sorts them."
    )
    assert finding.severity is Severity.WARNING
    assert finding.place.function == "partial_likelihood"
    assert [r.label for r in finding.related] == ["their order is drawn here", "the model is called here"]
    assert finding.expected == "samples in the order that the sums are about, such as longest time first"
    assert finding.why == (
        "What is summed up to a sample stands for a set of samples, such as all that are still at risk. In "
        "random order it is a random set: the model follows a loss that says little about the data."
    )
    assert finding.fix == (
        "Put the samples in order inside the loss: `order = time.argsort(descending=True)`, then sum up "
        "`scores[order]`. A data set that was sorted once does not stay so in random batches."
    )


def test_says_which_function_draws_the_order() -> None:
    rows = "rows = drawn[start:start + 32]\nloss = partial_likelihood(net(x[rows]), event[rows])"
    assert found(by_hand(rows)) == [
        "`logcumsumexp` runs along the samples of the batch, so that the result depends on their order, but "
        "`randperm` puts them in random order and nothing sorts them."
    ]


LOGS = "h = score - score.max()\nreturn -((h - h.exp().cumsum(0).add(1e-7).log()) * event).mean()"
ROWS = "rows = drawn[start:start + 32]\n"
LOSS = "loss = partial_likelihood(net(x[rows]), event[rows])"

HITS = {
    "a method": program("cost(net(a), e)", function(LOGS)),
    "backwards": program(
        "cost(net(a), e)",
        function("r = score.exp().flip(0).cumsum(0).flip(0)\nreturn -((score - r.log()) * event).mean()"),
    ),
    "weighted": program(
        "cost(net(a), e)",
        function("r = torch.log(torch.cumsum(score.exp() * event, 0))\nreturn (r - score).mean()"),
    ),
    "a module": program(
        "Loss()(net(a), e)", module("r = torch.logcumsumexp(score, 0)\nreturn -((score - r) * event).mean()")
    ),
    "weighted in a module": program(
        "Loss()(net(a), e)", module("r = (score.exp() * event).cumsum(0)\nreturn (r.log() - score).mean()")
    ),
    "in the loop": program("(torch.logcumsumexp(s, 0) - s).mean()", before="s = net(a)"),
    "only events": program(
        "cost(net(a), e)", function("r = torch.logcumsumexp(score, 0)\nreturn -(score - r)[event > 0].mean()")
    ),
    "a sequence of layers": program(
        "partial_likelihood(net(a).view(-1), e)",
        net="net = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1))\n"
        "opt = torch.optim.SGD(net.parameters(), lr=0.1)\n",
    ),
    "a column": program("partial_likelihood(net(a).unsqueeze(1)[:, 0], e)"),
    "moved": program(before="a, e = a.to('cpu'), e.to('cpu')"),
    "by position": program(made="DataLoader(TensorDataset(x, time, event), 32, True)"),
    "a sampler": program(
        made="DataLoader(TensorDataset(x, time, event), 32, "
        "sampler=torch.utils.data.RandomSampler(TensorDataset(x)))"
    ),
    "numbers": by_hand(ROWS + LOSS),
    "numbers of numpy": by_hand(ROWS + LOSS, "drawn = rng.permutation(len(x))"),
    "numbers of numpy's own": by_hand(ROWS + LOSS, "drawn = np.random.permutation(len(x))"),
    "everything moved first": by_hand(
        "a, e = u[start:start + 32], v[start:start + 32]\nloss = partial_likelihood(net(a), e)",
        "p = torch.randperm(len(x)); u, v = x[p], event[p]",
    ),
    "split": by_hand("for rows in drawn.split(32):\n    " + LOSS),
    "a generator": program(
        made="[0]",
        defined=COX
        + "def batches(x, t, e):\n    drawn = torch.randperm(len(x))\n    for s in range(0, 192, 32):\n"
        "        rows = drawn[s:s + 32]\n        yield x[rows], t[rows], e[rows]\n",
    ).replace("in patients", "in batches(x, time, event)"),
}


@pytest.mark.parametrize("code", HITS.values(), ids=HITS)
def test_is_found(code: str) -> None:
    assert len(found(code)) == 1


WITH_TIME = "cost(net(a), t, e)"
RETURN = "return ((torch.logcumsumexp(score, 0) - score) * event).mean()"

HEALTHY = {
    "sorted in the loss": program(
        WITH_TIME,
        function(
            "o = time.argsort(descending=True)\nscore, event = score[o], event[o]\n" + RETURN,
            "score, time, event",
        ),
    ),
    "sorted by sort": program(
        WITH_TIME,
        function("_, o = torch.sort(time)\nscore = score.gather(0, o)\n" + RETURN, "score, time, event"),
    ),
    "sorted in the loop": program(before="o = t.argsort(descending=True)\na, e = a[o], e[o]"),
    "sorted by a function": program(
        defined=COX + "def by_time(a, t, e):\n    o = torch.argsort(-t)\n    return a[o], e[o]\n",
        before="a, e = by_time(a, t, e)",
    ),
    "sorted by a function of others": program(
        defined="from cohort import by_time\n" + COX, before="a, e = by_time(a, t, e)"
    ),
    "sorted as they are collated": program(
        made="DataLoader(TensorDataset(x, time, event), batch_size=32, shuffle=True, collate_fn=by_time)",
        defined=COX + "def by_time(rows):\n    rows.sort(key=lambda r: -r[1])\n"
        "    return tuple(map(torch.stack, zip(*rows)))\n",
    ),
    "not shuffled": program(made="DataLoader(TensorDataset(x, time, event), batch_size=32)"),
    "told not to": program(made="DataLoader(TensorDataset(x, time, event), batch_size=32, shuffle=False)"),
    "perhaps": program(made="DataLoader(TensorDataset(x, time, event), 32, shuffle=bool(epochs > 5))"),
    "everything at once": by_hand("loss = partial_likelihood(net(x), event)"),
    "numbers in order": by_hand(ROWS + LOSS, "drawn = torch.arange(len(x))"),
    "numbers that are sorted": by_hand("rows = drawn[start:start + 32].sort().values\n" + LOSS),
    "numbers that are sorted by numpy": by_hand(
        "rows = np.sort(drawn[start:start + 32])\n" + LOSS, "drawn = rng.permutation(len(x))"
    ),
    "a random part that is sorted then": by_hand(
        "loss = partial_likelihood(net(u), v)",
        "p = torch.randperm(192)[:96]; o = time[p].argsort(); u, v = x[p][o], event[p][o]",
    ),
    "a sampler of batches": program(
        made="DataLoader(TensorDataset(x, time, event), batch_sampler=by_month)", defined=COX
    ),
    "one sequence at a time": program(
        made="DataLoader(TensorDataset(x, time, event), batch_size=1, shuffle=True)",
    ),
    "no batches": program(made="DataLoader(TensorDataset(x, time, event), batch_size=None, shuffle=True)"),
    "pairs": program(
        WITH_TIME,
        function(
            "later = time[None, :] >= time[:, None]\n"
            "r = (score[None, :] + later.float().log()).logsumexp(1)\nreturn ((r - score) * event).mean()",
            "score, time, event",
        ),
    ),
    "along classes": program(
        "cost(net(a), e)", function("return (score.softmax(-1).cumsum(1) - event).mean()")
    ),
    "along the last axis": program("cost(net(a), e)", function("return score.cumsum(-1).mean()")),
    "time is the first axis": program(
        "cost(net(a).view(-1, 4).transpose(0, 1), e)", function("return score.cumsum(0).square().mean()")
    ),
    "turned": program("cost(net(a).unsqueeze(1).T, e)", function("return score.cumsum(0).square().mean()")),
    "only the last": program("cost(net(a), e)", function("return score.cumsum(0)[-1] / len(score)")),
    "sums of parts": program(
        "cost(net(a), e)", function("c = score.cumsum(0)\nreturn (c[8:] - c[:-8]).square().mean()")
    ),
    "differences": program("cost(net(a), e)", function("return score.cumsum(0).diff().square().mean()")),
    "no gradient": program(
        "F.mse_loss(net(a), t)", before="with torch.no_grad():\n    low = torch.logcumsumexp(net(a), 0)"
    ),
    "cut off": program(
        "cost(net(a), e)", function("r = score.detach().cumsum(0)\nreturn (score - e).mean()")
    ),
    "of the events": program(
        "cost(net(a), e)",
        function("seen = event.cumsum(0)\nreturn ((score - event) ** 2).mean() + seen.mean()"),
    ),
    "of the events in a module": program(
        "Loss()(net(a), e)", module("w = event.cumsum(0)\nreturn ((score - event) ** 2 * w).mean()")
    ),
    "of the places": program(before="at = torch.ones(32).cumsum(0)", loss="(net(a) * at[:len(a)]).mean()"),
    "thresholds": program(
        "cost(net(a), e)", function("b = torch.ones(4).cumsum(0)\nreturn (score[:, None] - b).mean()")
    ),
    "only looked at": program(
        "F.mse_loss(other(a), t)",
        before="curve = torch.logcumsumexp(net(a), 0)",
        net=RISK + "other = Risk()\nopt.add_param_group({'params': other.parameters()})\n",
    ),
    "never trained": program().replace("        loss.backward()\n        opt.step()\n", ""),
    "rows of a batch": program(before="a = a[e > 0]\ne = e[e > 0]"),
    "discounted returns": """
rewards = torch.zeros(32)
policy = nn.Linear(8, 2)
opt = torch.optim.Adam(policy.parameters())
for episode in range(8):
    states = torch.randn(32, 8)
    logp = policy(states).log_softmax(-1)[:, 0]
    gain = rewards.flip(0).cumsum(0).flip(0)
    loss = -(logp * gain).mean() + logp.cumsum(0).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
""",
}


@pytest.mark.parametrize("code", HEALTHY.values(), ids=HEALTHY)
def test_is_silent(code: str) -> None:
    assert found(code) == []
