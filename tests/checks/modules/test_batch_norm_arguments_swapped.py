from dataclasses import replace

import pytest

from osler.checks.modules.batch_norm_arguments_swapped import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Finding, PartFact, PartsFact, Setup
from osler.testing import place, read

CODE = """
body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, 0.8), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(body(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`BatchNorm1d` is given eps = 0.8: the second argument is eps, not momentum.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


SILENT = {
    "the usual numbers": "norm = nn.BatchNorm1d(16, 1e-5, 0.1)",
    "those of other libraries": "norm = nn.BatchNorm1d(16, eps=1e-3, momentum=0.01)",
    "half": "norm = nn.BatchNorm1d(16, momentum=0.5)",
    "the last batch on purpose": "norm = nn.BatchNorm1d(16, momentum=1.0)",
    "a plain average": "norm = nn.BatchNorm1d(16, momentum=None)",
    "the other convention, turned round": "keep = 0.99; norm = nn.BatchNorm1d(16, momentum=1 - keep)",
    "not known": "import os; norm = nn.BatchNorm1d(16, momentum=float(os.environ['M']))",
    "without statistics": "norm = nn.BatchNorm1d(16, momentum=0.9, track_running_stats=False)",
    "another norm": "norm = nn.LayerNorm(16, 0.8)",
    "from another library": "from lib.layers import BatchNorm2d; norm = BatchNorm2d(16, 0.9)",
    "a class made from it": """
class SlowBatchNorm(nn.BatchNorm1d):
    def __init__(self, channels, keep=0.9):
        super().__init__(channels, momentum=1 - keep)


norm = SlowBatchNorm(16, 0.99)
""",
    "a class called like it": """
class BatchNorm(nn.Module):
    def __init__(self, channels, keep):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        return x * self.weight


norm = BatchNorm(16, 0.9)
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()


NORM = PartFact(
    "norm", "BatchNorm1d", (16, 8), (16, 8), eps=1e-5, momentum=0.1, site=(place(20),), built=(place(5),)
)


def in_setup(*parts: PartFact, pretrained: bool = False) -> list[Finding]:
    fact = PartsFact("Net", parts, (), pretrained)
    return list(judge_setup(Setup((fact,), (Answer("follow-the-layers", ""),)), [check]).findings)


def test_says_what_eps_ran() -> None:
    (found,) = in_setup(replace(NORM, eps=0.8), replace(NORM, name="other", eps=0.8, built=(place(7),)))
    assert found.message == (
        "`norm` and 1 more normalise with eps = 0.8, which is added to every variance; the second argument "
        "is eps, not the momentum."
    )
    assert found.place.line == 5
    assert [(r.place.line, r.label) for r in found.related] == [(7, "another one")]


def test_says_what_momentum_ran() -> None:
    (found,) = in_setup(replace(NORM, momentum=0.99, built=()))
    assert found.message == (
        "`norm` normalises with momentum = 0.99, so that its statistics are almost those of the last batch."
    )
    assert found.place.line == 20


@pytest.mark.parametrize(
    "norm",
    [NORM, replace(NORM, eps=1e-3, momentum=0.01), replace(NORM, momentum=1.0), replace(NORM, momentum=0.0)],
    ids=["as usual", "as elsewhere", "the last batch on purpose", "a plain average"],
)
def test_what_runs_is_no_problem(norm: PartFact) -> None:
    assert in_setup(norm) == []


def test_loaded_weights_came_with_their_numbers() -> None:
    assert in_setup(replace(NORM, eps=0.8), pretrained=True) == []
