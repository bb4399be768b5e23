"""Running statistics that nothing will ever move."""

import math
from dataclasses import replace

import pytest

from osler.checks.modules.batch_norm_statistics_stale import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Finding, Kind, ParameterFact, Run, Setup, StillNormFact, UnmovedNormFact
from osler.testing import event, examine, findings, place, run_of, try_out

STILL = StillNormFact(("norm",), 1, True, 6, 0.42, 1.31, (place(9),))


def found(fact: object) -> tuple[Finding, ...]:
    return judge_setup(Setup((fact,), (Answer("switch-statistics", ""),)), [check]).findings


def test_momentum_0() -> None:
    (finding,) = found(STILL)
    assert finding.message == (
        "BatchNorm `norm` still has a running mean of 0 and variance of 1 after 6 turns of training: "
        "momentum is 0. The loss of a batch is 1.31 with them and 0.42 with its own."
    )
    assert (finding.place.line, finding.place.subject) == (9, "norm")
    assert [e.value for e in finding.evidence] == [1, 1.31]


def test_eval_mode_while_it_is_trained() -> None:
    (finding,) = found(replace(STILL, names=("a", "b", "c", "d"), training=False, batch=math.nan))
    assert finding.message == (
        "BatchNorm `a`, `b` and 2 more still have a running mean of 0 and variance of 1 after 6 turns of "
        "training: the layer is in eval mode while it is trained."
    )
    assert [e.value for e in finding.evidence] == [4]


@pytest.mark.parametrize("running", [0.42, 0.42001])
def test_where_the_data_are_normalised_already_nothing_is_said(running: float) -> None:
    assert found(replace(STILL, running=running)) == ()


LOOP = """
optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        {first}
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""
NET = "model = nn.Sequential(nn.Linear(8, 16), nn.{norm}, nn.ReLU(), nn.Linear(16, 4))\n{more}"


def told(norm: str, more: str = "", first: str = "pass") -> list[str]:
    diagnosis = try_out(NET.format(norm=norm, more=more) + LOOP.format(first=first), "switch-statistics")
    return [f.message for f in diagnosis.findings if f.check == check.name]


@pytest.mark.parametrize(
    ("norm", "more", "first"),
    [
        ("BatchNorm1d(16)", "", "pass"),
        ("BatchNorm1d(16)", "", "model.train()"),
        ("BatchNorm1d(16, momentum=None)", "", "pass"),
        ("BatchNorm1d(16, momentum=1e-4)", "", "pass"),
        ("BatchNorm1d(16, momentum=0.0, track_running_stats=False)", "", "pass"),
        ("BatchNorm1d(16, momentum=0.0)", "model[1].running_mean.fill_(0.1)\n", "pass"),
        ("BatchNorm1d(16, momentum=0.0)", "", "model[1].running_mean.lerp_(x.mean(), 0.1)"),
        ("BatchNorm1d(16)", "model[1].requires_grad_(False).eval()\n", "pass"),
        ("BatchNorm1d(16)", "model[1].running_var.fill_(2.0); model[1].eval()\n", "pass"),
        ("BatchNorm1d(16, affine=False)", "model[1].eval()\n", "pass"),
        ("LayerNorm(16)", "", "pass"),
        ("InstanceNorm1d(16, track_running_stats=True, momentum=0.0)", "", "x = x"),
    ],
    ids=[
        "plain",
        "mode set in every turn",
        "cumulative",
        "small momentum",
        "no statistics",
        "loaded",
        "moved by hand",
        "frozen",
        "frozen with loaded statistics",
        "no parameters of its own",
        "another norm",
        "norm of single samples",
    ],
)
def test_is_silent(norm: str, more: str, first: str) -> None:
    assert told(norm, more, first) == []


@pytest.mark.parametrize(
    ("norm", "more", "first", "how"),
    [
        ("BatchNorm1d(16, momentum=0.0)", "", "pass", "momentum is 0. The loss of a batch is "),
        ("BatchNorm1d(16, momentum=0)", "", "model.train()", "momentum is 0."),
        ("BatchNorm1d(16)", "model[1].eval()\n", "pass", "the layer is in eval mode while it is trained."),
        ("BatchNorm1d(16)", "", "model.train(); model[1].eval()", "the layer is in eval mode while"),
    ],
)
def test_real_programs(norm: str, more: str, first: str, how: str) -> None:
    (message,) = told(norm, more, first)
    assert message.startswith(
        "BatchNorm `1` still has a running mean of 0 and variance of 1 after 6 turns of training: "
    )
    assert how in message


COPY = UnmovedNormFact(
    "Net 2", "", "Net", "", (place(30),), ("stem.1", "body.0", "body.2"), fresh=True, first=40, step=40,
    layer="body.2", leader_variance=4.567, shift=0.61, factor=3.2,
)  # fmt: skip
OWN = UnmovedNormFact("Net", "", "", "", (place(30),), ("norm",), fresh=True, first=12, step=24, batches=24)
CALLS = [event(Kind.FORWARD, "Net", 20, "grad", "train"), event(Kind.STEP, "SGD", 22, "fresh")]


def run_with(fact: UnmovedNormFact, ended: bool = True, **follower: object) -> Run:
    parameters = [
        ParameterFact("w", "Net", 4, optimizers=("SGD",)),
        replace(ParameterFact("w", "Net 2", 4, reached=False), **follower),  # pyright: ignore
    ]
    turns = [CALLS] * (fact.step + 1)
    return run_of(turns, unmoved_norms=[fact], parameters=parameters, ended=ended)


def test_a_copy_without_the_statistics() -> None:
    (finding,) = findings(run_with(COPY), [check])
    assert finding.message == (
        "`Net 2` is evaluated with weights that follow `Net`, but the running statistics of BatchNorm "
        "`stem.1`, `body.0` and 1 more are still mean 0 and variance 1. The variance of `body.2` is 1, in "
        "`Net` 4.57 on average over the channels; the means are 0.61 standard deviations apart."
    )
    assert (finding.place.line, finding.place.step, finding.place.subject) == (30, 40, "stem.1")
    assert [(r.place.line, r.label) for r in finding.related] == [
        (20, "the network that it follows is trained here")
    ]
    assert finding.fix.startswith("Copy the buffers with the parameters")


def test_a_copy_with_the_statistics_of_its_beginning() -> None:
    (finding,) = findings(run_with(replace(COPY, fresh=False, first=30, names=("norm",))), [check])
    assert "of BatchNorm `norm` are still the same as after 30 steps. The variance" in finding.message


def test_momentum_0_in_a_run() -> None:
    (finding,) = findings(run_with(OWN), [check])
    assert finding.message == (
        "`Net` is evaluated with the running mean of 0 and variance of 1 that BatchNorm `norm` was built "
        "with: 24 batches of training moved nothing, momentum is 0."
    )


@pytest.mark.parametrize(
    "run",
    [
        run_with(replace(COPY, shift=0.4, factor=1.9)),
        run_with(COPY, ended=False),
        run_with(OWN, ended=False),
        run_with(COPY, reached=True),
        run_with(COPY, optimizers=("Adam",)),
        run_with(replace(COPY, leader="Net 2")),
        run_with(replace(OWN, model="Net 2")),
    ],
    ids=["near", "may come", "may come by itself", "learns", "held", "leader rests", "rests itself"],
)
def test_a_run_is_silent(run: Run) -> None:
    assert findings(run, [check]) == ()


def test_a_run_that_goes_on_for_long_is_told() -> None:
    assert findings(run_with(replace(COPY, first=0, step=200), ended=False), [check])


TWO = """
import copy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn


class Both(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.student, self.teacher = model, copy.deepcopy(model)

    def forward(self, x):
        with torch.no_grad():
            aim = self.teacher.eval()(x)
        return self.student(x) + 0 * aim


def follow(one, other, share=0.2):
    with torch.no_grad():
        for mine, theirs in zip(one.parameters(), other.parameters()):
            mine.lerp_(theirs, share)


def bring(one, other):
    for mine, theirs in zip(one.buffers(), other.buffers()):
        mine.copy_(theirs)


def score(net):
    with torch.no_grad():
        return sum(loss_fn(net(5 * x + 4), y).item() for x, y in val_loader)


model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
{before}
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
called = model
{more}
for epoch in range(epochs):
    called.train()
    {mode}
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(called(5 * x + 4), y).backward()
        optimizer.step()
        {step}
    {epoch}
{end}
"""
COPIED = "average = copy.deepcopy(model).eval()"
FOLLOWS = {"before": COPIED, "step": "follow(average, model)", "epoch": "score(average)"}


def seen(**parts: str) -> list[str]:
    names = ("before", "more", "mode", "step", "epoch", "end")
    code = TWO.format(**{name: parts.get(name, "pass") for name in names})
    diagnosis = examine(code)
    assert not diagnosis.failed
    return [f.message for f in diagnosis.findings if f.check == check.name]


HEALTHY = {
    "buffers with every step": {**FOLLOWS, "step": "follow(average, model); bring(average, model)"},
    "buffers before it is evaluated": {**FOLLOWS, "epoch": "bring(average, model); score(average)"},
    "buffers at the end alone": {**FOLLOWS, "epoch": "pass", "end": "bring(average, model); score(average)"},
    "everything is loaded": {**FOLLOWS, "step": "average.load_state_dict(model.state_dict())"},
    "averaged with buffers": {
        "before": "average = AveragedModel(model, use_buffers=True).eval()",
        "step": "average.update_parameters(model)",
        "epoch": "score(average)",
    },
    "averaged, and torch brings the buffers": {
        "before": "average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8)).eval()",
        "step": "average.update_parameters(model)",
        "epoch": "score(average)",
    },
    "statistics anew in every epoch": {
        "before": "average = AveragedModel(model)",
        "epoch": "average.update_parameters(model); update_bn(loader, average); score(average.eval())",
    },
    "statistics anew at the end": {
        "before": "average = AveragedModel(model)",
        "epoch": "average.update_parameters(model)",
        "end": "update_bn(loader, average); average.eval(); score(average)",
    },
    "a fresh copy of everything": {"epoch": "score(copy.deepcopy(model).eval())"},
    "a copy that is kept": {
        "epoch": "average = average if epoch else copy.deepcopy(model).eval(); score(average)",
    },
    "the beginning for comparison": {**FOLLOWS, "step": "pass"},
    "in train mode": {**FOLLOWS, "before": "average = copy.deepcopy(model)"},
    "not called": {**FOLLOWS, "epoch": "pass"},
    "called before training": {**FOLLOWS, "more": "score(average)", "epoch": "pass"},
    "both frozen": {**FOLLOWS, "mode": "model[1].eval()"},
    "both frozen and pretrained": {
        **FOLLOWS,
        "before": "model[1].running_var.fill_(9.0); " + COPIED,
        "mode": "model[1].eval()",
    },
    "weights swapped in and out": {
        **FOLLOWS,
        "epoch": "own = [p.detach().clone() for p in model.parameters()]; follow(model, average, 1.0); "
        "model.eval(); score(model); [p.data.copy_(o) for p, o in zip(model.parameters(), own)]",
    },
    "no statistics": {
        **FOLLOWS,
        "before": "model[1] = nn.BatchNorm1d(16, track_running_stats=False); " + COPIED,
    },
    "another norm": {**FOLLOWS, "before": "model[1] = nn.LayerNorm(16); " + COPIED},
    "statistics dropped": {
        **FOLLOWS,
        "before": COPIED + "; average[1].running_mean = average[1].running_var = None",
    },
    "a network of its own": {
        "before": "other = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))",
        "epoch": "other.eval(); [p.data.mul_(0.9) for p in other.parameters()]; score(other)",
    },
    "it learns too": {
        **FOLLOWS,
        "more": "second = torch.optim.SGD(average.parameters(), lr=0.05)",
        "step": "second.zero_grad(); loss_fn(average(5 * x + 4), y).backward(); second.step(); "
        "follow(average, model)",
    },
    "momentum 0 and statistics by hand": {
        "before": "model[1].momentum = 0.0",
        "epoch": "model[1].running_var.fill_(9.0); model.eval(); score(model)",
    },
    "momentum 0 and never evaluated": {"before": "model[1].momentum = 0.0"},
    "momentum None": {"before": "model[1].momentum = None", "epoch": "model.eval(); score(model)"},
}  # fmt: skip


@pytest.mark.parametrize("parts", HEALTHY.values(), ids=HEALTHY)
def test_healthy_copies(parts: dict[str, str]) -> None:
    assert seen(**parts) == []


SICK = {
    "a mean": (FOLLOWS, "`Sequential 2`", "mean 0 and variance 1"),
    "a copy": ({**FOLLOWS, "step": "follow(average, model, 1.0)"}, "`Sequential 2`", "mean 0 and variance 1"),
    "evaluated once": (
        {**FOLLOWS, "epoch": "pass", "end": "score(average)"},
        "`Sequential 2`",
        "mean 0 and variance 1",
    ),
    "only parameters are loaded": (
        {**FOLLOWS, "step": "average.load_state_dict(dict(model.named_parameters()), strict=False)"},
        "`Sequential 2`",
        "mean 0 and variance 1",
    ),
    "a copy from the middle": (
        {
            "more": "for x, _ in loader: model(x)\n" + COPIED,
            "step": "follow(average, model)",
            "epoch": "score(average)",
        },
        "`Sequential 2`",
        "the same as after 12 steps",
    ),
    "both in one module": (
        {"more": "called = Both(model)", "step": "follow(called.teacher, called.student)"},
        "`teacher`",
        "mean 0 and variance 1",
    ),
}


@pytest.mark.parametrize(("parts", "name", "what"), SICK.values(), ids=SICK)
def test_sick_copies(parts: dict[str, str], name: str, what: str) -> None:
    (message,) = seen(**parts)
    assert message.startswith(f"{name} is evaluated with weights that follow ")
    assert f"of BatchNorm `1` are still {what}. The variance of `1` is " in message
