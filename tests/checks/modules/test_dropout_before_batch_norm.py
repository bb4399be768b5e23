from dataclasses import replace
from itertools import pairwise

import pytest

from osler.checks.modules.dropout_before_batch_norm import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Finding, HandoverFact, PartFact, PartsFact, Setup
from osler.testing import place, read

CODE = """
body = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
print(body(torch.randn(4, 8)).shape)
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`Dropout` stands directly before `BatchNorm1d`.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


SILENT = {
    "the other way round": "body = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.1))",
    "weights in between": "body = nn.Sequential(nn.Dropout(0.1), nn.Linear(8, 8), nn.BatchNorm1d(8))",
    "a rate of 0": "body = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.0), nn.BatchNorm1d(8))",
    "a rate of 0 by name": "body = nn.Sequential(nn.Linear(8, 8), nn.Dropout(p=0), nn.BatchNorm1d(8))",
    "without statistics": (
        "body = nn.Sequential(nn.Dropout(0.1), nn.BatchNorm1d(8, track_running_stats=False))"
    ),
    "a norm of each sample": "body = nn.Sequential(nn.Dropout(0.1), nn.LayerNorm(8))",
    "a norm of groups": "body = nn.Sequential(nn.Dropout(0.1), nn.GroupNorm(2, 8))",
    "a norm of each channel": "body = nn.Sequential(nn.Dropout(0.1), nn.InstanceNorm1d(8))",
    "a list has no order": "body = nn.ModuleList([nn.Dropout(0.1), nn.BatchNorm1d(8)])",
    "two chains": """
first = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.1))
second = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 8))
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()


DROP = PartFact("drop", "Dropout", (16, 32), (16, 32), rate=0.5, site=(place(21),))
NORM = PartFact(
    "norm", "BatchNorm1d", (16, 32), (16, 32), keeps_statistics=True, site=(place(22),), built=(place(6),)
)
RELU = PartFact("relu", "ReLU", (16, 32), (16, 32), site=(place(23),))


def in_setup(*parts: PartFact) -> list[Finding]:
    handovers = tuple(HandoverFact(one, other, True) for one, other in pairwise(parts))
    fact = PartsFact("Net", parts, handovers, False)
    return list(judge_setup(Setup((fact,), (Answer("follow-the-layers", ""),)), [check]).findings)


def test_says_what_ran() -> None:
    (found,) = in_setup(DROP, NORM)
    assert found.message == ("`drop`, a Dropout with p = 0.5, stands directly before `norm`, a BatchNorm1d.")
    assert found.place.line == 6


def test_what_one_line_builds_is_one_finding() -> None:
    (found,) = in_setup(DROP, NORM, RELU, replace(DROP, name="drop2"), replace(NORM, name="norm2"))
    assert found.message.endswith("stands directly before `norm`, a BatchNorm1d, and 1 more pair like it.")


@pytest.mark.parametrize(
    "parts",
    [
        (NORM, DROP),
        (DROP, RELU, NORM),
        (replace(DROP, rate=0.0), NORM),
        (DROP, replace(NORM, keeps_statistics=False)),
    ],
    ids=["behind it", "something between", "a rate of 0", "no statistics"],
)
def test_what_runs_is_no_problem(parts: tuple[PartFact, ...]) -> None:
    assert in_setup(*parts) == []
