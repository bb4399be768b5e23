import pytest

from osler.checks.modules.parameters_frozen_unintentionally import check
from osler.model import CrashFact, Kind, MisspeltFact, ModelFact, OptimizerFact, ParameterFact, Run, Severity
from osler.testing import event, examine, findings, place, read, run_of

CODE = """
for p in model[0].parameters():
    p.require_grad = False
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`require_grad` is no attribute of torch: setting it freezes and unfreezes nothing."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


FORWARD = event(Kind.FORWARD, "Net", 12)
BACKWARD = event(Kind.BACKWARD, "", 13, "no-graph")
STEP = event(Kind.STEP, "SGD", 14, "empty")
TRAINED = event(Kind.BACKWARD, "", 13)
TWO = ("body.weight", "body.bias")


def test_says_what_was_set_in_vain() -> None:
    fact = MisspeltFact("require_grad", False, False, "Net", TWO, 2, (place(7),))
    (found,) = findings(run_of([[FORWARD, TRAINED, STEP]] * 9, misspelt=[fact]), [check])
    assert found.message == (
        "`require_grad = False` was set on parameters of `Net`, but torch does not look at it there: "
        "2 parameters did not obey (`body.weight`, `body.bias`); they require a gradient all the same, and "
        "one has reached 2 of them."
    )
    assert (found.place.line, found.severity) == (7, Severity.ERROR)


def test_says_that_modules_stay_frozen() -> None:
    fact = MisspeltFact("requires_grad", True, True, "Net", TWO, 0, (place(7),))
    (found,) = findings(run_of([[FORWARD, TRAINED, STEP]] * 9, misspelt=[fact]), [check])
    assert found.message == (
        "`requires_grad = True` was set on modules of `Net`, but torch does not look at it there: "
        "2 parameters did not obey (`body.weight`, `body.bias`); they stay frozen."
    )


CRASH = CrashFact("RuntimeError", "element 0 of tensors does not require grad", (place(13),))


def crashed(trainable: int, crash: CrashFact | None = CRASH) -> Run:
    model = ModelFact("Net", 40, trainable, 3)
    return run_of([[FORWARD, BACKWARD]], models=[model], crash=crash, ended=True)


def test_explains_the_failure_of_a_model_that_is_all_frozen() -> None:
    (found,) = findings(crashed(0), [check])
    assert found.message == (
        "every parameter of `Net` is frozen, 40 numbers in all: `backward()` finds nothing that could learn "
        "and fails."
    )
    assert [(r.place.line, r.label) for r in found.related] == [(13, "backward fails here")]


def test_names_an_optimizer_of_frozen_parameters() -> None:
    (found,) = findings(stepping(frozen()), [check])
    assert found.message == "all 2 parameters of `SGD` are frozen: its 9 steps changed nothing."
    assert (found.place.line, found.severity) == (5, Severity.WARNING)


def frozen(
    *, trainable: bool = False, reached: bool = False, held: tuple[str, ...] = ("SGD",)
) -> ParameterFact:
    return ParameterFact("body.bias", "Net", 4, trainable=trainable, reached=reached, optimizers=held)


def stepping(second: ParameterFact, steps: int = 9, *, ended: bool = True) -> Run:
    first = ParameterFact("body.weight", "Net", 8, trainable=False, reached=False, optimizers=("SGD",))
    built = [OptimizerFact("SGD", (place(5),), 2, 12)]
    return run_of(
        [[FORWARD, TRAINED, STEP]] * steps, optimizers=built, parameters=[first, second], ended=ended
    )


QUIET = {
    "one of them learns": stepping(frozen(trainable=True)),
    "one of them has had its turn": stepping(frozen(reached=True)),
    "the run goes on": stepping(frozen(), ended=False),
    "a trial": stepping(frozen(), steps=2),
    "a tensor that is not known": stepping(frozen(held=())),
    "part of the model learns": crashed(4),
    "no failure": crashed(0, None),
    "another failure": crashed(0, CrashFact("RuntimeError", "out of memory", ())),
}


@pytest.mark.parametrize("healthy", QUIET.values(), ids=QUIET)
def test_stays_quiet_on(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_applies_to_training() -> None:
    assert check.applies(Run()) == "backward was never called"
    assert check.applies(crashed(0)) == ""


TRAIN = """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""
BAD = {
    "on parameters": "for p in model.parameters(): p.require_grad = False",
    "on a layer": "model[0].requires_grad = False",
    "on the whole model": "model.require_grads = False",
    "to unfreeze a layer": "model[0].requires_grad_(False); model[0].requires_grad = True",
    "to unfreeze parameters": (
        "model[0].requires_grad_(False)\nfor p in model[0].parameters(): p.requires_gradient = True"
    ),
    "all frozen": "for p in model.parameters():\n    p.requires_grad = False",
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_is_found(code: str) -> None:
    diagnosis = examine(code + TRAIN)
    assert [f.check for f in diagnosis.headlines] == [check.name]
    assert diagnosis.headlines[0].place.line


OWN = """
class Own(nn.Module):
    def __init__(self, requires_grad=False):
        super().__init__()
        self.requires_grad = requires_grad
        self.layer = nn.Linear(8, 4)

    def forward(self, x):
        return self.layer(x)

model = Own()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
"""
SILENT = {
    "the method": "model[0].requires_grad_(False)",
    "the attribute": "for p in model[0].parameters(): p.requires_grad = False",
    "a name that says what is so": "for p in model[0].parameters(): p.require_grad = True",
    "a value that says what is so": "model[0].requires_grad_(False); model[0].requires_grad = False",
    "another attribute": "for p in model.parameters(): p.decays = False",
    "a meaning of its own": OWN,
    "a module without parameters": "model[2].requires_grad = False",
    "a function": "model[0].require_grad = lambda: False",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert check.name not in {f.check for f in examine(code + TRAIN).findings}


SILENT = {
    "the attribute of each parameter": "for p in model.parameters(): p.requires_grad = False",
    "by name": "for n, p in model.named_parameters(): p.requires_grad = 'head' in n",
    "the method": "model.requires_grad_(False)",
    "one weight": "model[0].weight.requires_grad = False",
    "an input": "x = torch.randn(3); x.requires_grad = True",
    "options of the program": """
import argparse

args = argparse.ArgumentParser().parse_args()
args.require_grad = True
""",
    "a class of settings": """
class Config:
    require_grad = True


config = Config()
config.require_grad = False
""",
    "an attribute of its own": """
class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.requires_grad = False

    def forward(self, x):
        return x if self.requires_grad else x.detach()


features = Features()
""",
    "an attribute of its own, set from outside": """
class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.requires_grad = False

    def forward(self, x):
        return x if self.requires_grad else x.detach()


features = Features()
features.requires_grad = True
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_reading_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()
