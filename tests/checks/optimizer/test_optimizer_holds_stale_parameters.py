import pytest

from osler.checks.optimizer.optimizer_holds_stale_parameters import check
from osler.model import Kind, OptimizerFact, ParameterFact, Run
from osler.testing import event, findings, place, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TURN = [BATCH, FORWARD, BACKWARD, STEP]


def held(name: str, *optimizers: str, **more: bool) -> ParameterFact:
    return ParameterFact(name, "Net", 4, optimizers=optimizers, **more)


BODY = [held("body.weight", "SGD"), held("body.bias", "SGD")]
HEAD = [held("head.weight"), held("head.bias")]
KEPT = [held("head.weight", "SGD"), held("head.bias", "SGD")]


def run(parameters: list[ParameterFact], strange: int, tensors: int = 4, turns: int = 9) -> Run:
    built = [OptimizerFact("SGD", (place(5),), tensors, 16, strange=strange)]
    return run_of([TURN] * turns, parameters=parameters, optimizers=built)


SILENT = {
    "all parameters are held": run([*BODY, *KEPT], 0),
    "an optimizer of another phase": run([*BODY, *KEPT], 4),
    "a head that was never given": run([*BODY, *HEAD], 0, tensors=2),
    "not as many tensors": run([*BODY, *HEAD], 1),
    "no gradient reaches them": run([*BODY, *[held(p.name, reached=False) for p in HEAD]], 2),
    "they are frozen": run([*BODY, *[held(p.name, trainable=False) for p in HEAD]], 2),
    "updated by hand": run([*BODY, *[held(p.name, updated=True) for p in HEAD]], 2),
    "the optimizer knows nothing else of the model": run(HEAD, 2, tensors=6),
    "the first steps": run([*BODY, *HEAD], 2, turns=2),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run([*BODY, *HEAD], 2), [check])
    assert found.message == (
        "`SGD` holds 2 tensors that no model uses, while `head.weight`, `head.bias` of `Net` are in no "
        "optimizer: they were replaced after it was built."
    )
    assert (found.place.line, found.place.subject) == (5, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [(12, "`Net` is called here")]


def test_the_whole_model_was_built_anew() -> None:
    assert len(findings(run(HEAD, 2, tensors=2), [check])) == 1


def test_applies_where_an_optimizer_stepped() -> None:
    assert check.applies(run_of([TURN])) == "no optimizer was built"
    assert check.applies(run_of([[BATCH]], optimizers=[OptimizerFact("SGD", (), 1, 1)])) == (
        "no optimizer step was seen"
    )


CODE = """
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
net.head = nn.Linear(16, 4)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`head` is replaced here, but `optimizer` was built before, in line 35, and keeps the old one."
    )


def test_reading_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
