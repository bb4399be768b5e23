from dataclasses import replace

import pytest

from osler.checks.modules.modules_share_weights import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Finding, PartFact, PartsFact, Setup
from osler.testing import place, read

CODE = """
layers = nn.ModuleList([nn.Linear(8, 8)] * 3)
print(len(list(layers.parameters())))
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`Linear` is repeated by reference: all places share its weights.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


SILENT = {
    "built anew": "layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(3)])",
    "copied": "import copy; layers = nn.ModuleList([copy.deepcopy(model) for _ in range(3)])",
    "one": "layers = nn.ModuleList([nn.Linear(8, 8)] * 1)",
    "none": "layers = nn.ModuleList([nn.Linear(8, 8)] * 0)",
    "numbers": "widths = [8] * 3",
    "nothing yet": "layers = [None] * 3",
    "classes": "layers = nn.ModuleList(kind(8, 8) for kind in [nn.Linear] * 3)",
    "activations": "layers = nn.Sequential(*[nn.ReLU()] * 3)",
    "dropout": "layers = [nn.Dropout(0.1)] * 3",
    "reshaping": "layers = nn.Sequential(*[nn.Flatten()] * 2, nn.Linear(8, 4))",
    "two lists": "layers = [nn.Linear(8, 8)] + [nn.Linear(8, 8)]",
    "shared by hand": "shared = nn.Linear(8, 8); layers = nn.Sequential(shared, nn.ReLU(), shared)",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()


ROW = PartFact(
    "rows.0", "Linear", (16, 8), (16, 8), 72, again=("rows.1", "rows.2"), site=(place(20),), built=(place(5),)
)


def in_setup(*parts: PartFact) -> list[Finding]:
    fact = PartsFact("Net", parts, (), False)
    return list(judge_setup(Setup((fact,), (Answer("follow-the-layers", ""),)), [check]).findings)


def test_says_what_ran() -> None:
    (found,) = in_setup(ROW)
    assert found.message == ("`rows.0`, a Linear, stands 3 times in its list: all places share its weights.")
    assert found.place.line == 5
    assert in_setup(replace(ROW, built=()))[0].place.line == 20


@pytest.mark.parametrize(
    "part",
    [replace(ROW, again=()), replace(ROW, kind="ReLU", elements=0)],
    ids=["once", "an activation"],
)
def test_what_runs_is_no_problem(part: PartFact) -> None:
    assert in_setup(part) == []


def test_a_block_of_several_layers_is_told_once() -> None:
    up = replace(ROW, name="trunk.0.up", again=("trunk.1.up", "trunk.2.up"))
    down = replace(ROW, name="trunk.0.down", again=("trunk.1.down", "trunk.2.down"))
    (found,) = in_setup(up, down)
    assert found.message == "`trunk.0` stands 3 times in its list: all places share its weights."
    assert found.place.subject == "trunk.0"
