import pytest

from osler.checks.modules.module_never_used import check
from osler.model import IdleFact, Kind, Run
from osler.testing import event, examine, findings, place, read, run_of

STEP = event(Kind.STEP, "SGD", 15, "fresh")
FACT = IdleFact("drop", "Net", "Dropout", 0, (place(6),), (place(9),))


def run(*facts: IdleFact, steps: int = 12, ended: bool = True) -> Run:
    return run_of([[STEP]] * steps, idle=list(facts), ended=ended)


def test_says_what_was_seen() -> None:
    (found,) = findings(run(FACT), [check])
    assert found.message == (
        "`drop` of `Net`, a `Dropout`, is declared here and never called; no other line names it."
    )
    assert (found.place.line, found.place.subject) == (6, "Net.drop")
    assert [(r.place.line, r.label) for r in found.related] == [(9, "`forward` goes without it")]


def test_says_how_large_it_is() -> None:
    (found,) = findings(run(IdleFact("aux", "Net", "Linear", 68, (place(6),))), [check])
    assert "a `Linear` with 68 weights, is declared here" in found.message


def test_waits_for_the_end_and_for_a_real_run() -> None:
    assert not findings(run(FACT, ended=False), [check])
    assert not findings(run(FACT, steps=9), [check])


def test_does_not_apply_without_steps() -> None:
    assert check.applies(Run()) == "no optimizer step was seen"
    assert check.applies(run()) == ""


TRAIN = """

model = Own()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def model(part: str, forward: str, more: str = "") -> str:
    return f"""
class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.part = {part}
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        h = torch.relu(self.body(x))
        {forward}
        return self.head(h)
{more}"""


BAD = {
    "a dropout": model("nn.Dropout(0.2)", "pass"),
    "a layer with weights": model("nn.Linear(16, 16)", "pass"),
    "a normalisation": model("nn.BatchNorm1d(16)", "pass"),
    "a sequence, named once": model("nn.Sequential(nn.Linear(16, 16), nn.ReLU())", "pass"),
    "a part that is only initialised": model("nn.Linear(16, 16); nn.init.zeros_(self.part.bias)", "pass"),
    "another class has one of the same name": (
        model("nn.Dropout(0.2)", "pass")
        + "class Other(nn.Module):\n    def forward(self, x):\n        return self.part(x)\n"
    ),
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_is_found(code: str) -> None:
    diagnosis = examine(code + TRAIN)
    assert [f.place.subject for f in diagnosis.findings if f.check == check.name] == ["Own.part"]
    assert not diagnosis.headlines


SILENT = {
    "called": model("nn.Dropout(0.2)", "h = self.part(h)"),
    "called under a condition that never holds": model(
        "nn.Linear(16, 16)", "h = self.part(h) if x is None else h"
    ),
    "called in evaluation only": model(
        "nn.Softmax(dim=1)", "pass", "\n    def say(self, x):\n        return self.part(x)\n"
    ),
    "found by its name": model("nn.Dropout(0.2)", "h = getattr(self, 'part')(h)"),
    "called in a loop over children": model("nn.Linear(16, 16)", "h = list(self.children())[1](h)"),
    "called from outside": model("nn.Linear(16, 16)", "pass")
    + "\ndef more(model, x):\n    return model.part(x)\n",
    "its weights are used": model(
        "nn.Linear(16, 16)", "h = F.linear(h, next(iter(list(self.children())[1].parameters())))"
    ),
    "named by a subclass": (
        model("nn.Dropout(0.2)", "pass")
        + "class More(Own):\n    def forward(self, x):\n        return self.part(super().forward(x))\n"
    ),
    "a list whose items are called": model(
        "nn.ModuleList([nn.Linear(16, 16)])", "h = list(self.modules())[3](h)"
    ),
    "attention of torch": model("nn.MultiheadAttention(16, 2)", "h, _ = self.part(h, h, h)"),
    "a bidirectional encoder layer": model("nn.TransformerEncoderLayer(16, 2, 16)", "h = self.part(h)"),
    "replaced by an identity": model("nn.Identity()", "h = self.part(h)"),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert check.name not in {f.check for f in examine(code + TRAIN).findings}


def test_stays_quiet_on_a_part_that_only_evaluation_calls() -> None:
    code = model("nn.Softmax(dim=1)", "h = h if self.training else list(self.children())[1](h)") + TRAIN
    evaluated = (
        code + "\nmodel.eval()\nwith torch.no_grad():\n    for x, y in val_loader:\n        model(x)\n"
    )
    assert check.name not in {f.check for f in examine(evaluated).findings}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_is_read(code: str) -> None:
    (found,) = read(code + TRAIN, [check]).findings
    assert found.place.subject == "Own.part"


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_is_read_in_silence(code: str) -> None:
    assert read(code + TRAIN, [check]).findings == ()


def test_says_what_was_read() -> None:
    (found,) = read(BAD["a dropout"], [check]).findings
    assert found.message == "`part` of `Own`, a `Dropout`, is declared here, and no other line names it."
    assert found.place.line == 38
    assert [(r.place.line, r.label) for r in found.related] == [(41, "`forward` goes without it")]
