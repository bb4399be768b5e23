import pytest

from osler.checks.optimizer.update_applied_by_hand_wrong import check
from osler.model import BY_HAND, CrashFact, Kind, RebindFact, Run
from osler.testing import event, examine, findings, place, read, run_of

BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, BY_HAND, 15, "fresh")
LOOP = RebindFact((place(15),), "p", in_loop=True)
NAME = RebindFact((place(15),), "w", in_loop=False)
LEAF = "a leaf Variable that requires grad is being used in an in-place operation."


def run(*facts: RebindFact, turn=(BACKWARD,), count: int = 9, crash: str = "") -> Run:
    fact = CrashFact("RuntimeError", crash, (place(16),)) if crash else None
    return run_of([turn] * count, rebinds=list(facts), crash=fact)


def test_says_what_was_seen() -> None:
    (found,) = findings(run(LOOP), [check])
    assert found.message == (
        "`p = ...` gives the name `p` to a new tensor, and forgets it in the next turn: after 9 backward "
        "calls no parameter has changed."
    )
    assert (found.place.line, found.place.subject) == (15, "p")
    assert [(r.place.line, r.label) for r in found.related] == [(13, "gradients are computed here")]


def test_explains_a_failure() -> None:
    crash = "unsupported operand type(s) for *: 'float' and 'NoneType'"
    (found,) = findings(run(NAME, count=2, crash=crash), [check])
    assert found.message == (
        "`w = ...` gives the name `w` to a new tensor, which is no parameter and gets no gradient: after "
        "2 backward calls no parameter has changed."
    )


def test_explains_what_torch_refuses() -> None:
    (found,) = findings(run(count=1, crash=LEAF), [check])
    assert found.message == "a parameter was changed in place while autograd recorded, which torch refuses."
    assert (found.place.line, found.fix) == (16, "Put the update under `with torch.no_grad():`.")


QUIET = {
    "nothing is rebound": run(),
    "parameters are stepped": run(LOOP, turn=(BACKWARD, STEP)),
    "a few backward calls": run(LOOP, count=3),
    "another failure": run(LOOP, crash="out of memory"),
    "refused ahead of training": run(turn=(), crash=LEAF),
}


@pytest.mark.parametrize("healthy", QUIET.values(), ids=QUIET)
def test_stays_quiet_on(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_applies_to_training() -> None:
    assert check.applies(Run()) == "backward was never called"
    assert check.applies(run()) == ""


WEIGHTS = """
w, b = torch.zeros(8, 4, requires_grad=True), torch.zeros(4, requires_grad=True)
weights = [w, b]
net = nn.Linear(8, 4)

def clear(*tensors):
    for t in tensors:
        t.grad = None

for x, y in [*loader] * 2:
"""
BAD = {
    "the variable of a loop": """
    clear(w, b)
    loss_fn(x @ w + b, y).backward()
    for p in weights:
        p = p - 0.1 * p.grad
""",
    "of a loop under no_grad": """
    net.zero_grad()
    loss_fn(net(x), y).backward()
    with torch.no_grad():
        for name, p in net.named_parameters():
            p = p - 0.1 * p.grad.data
""",
    "a name that loses its gradient": """
    loss_fn(x @ w + b, y).backward()
    w = w - 0.1 * w.grad
    b = b - 0.1 * b.grad
""",
    "a name that no longer requires one": """
    loss_fn(x @ w, y).backward()
    with torch.no_grad():
        w = w - 0.1 * w.grad
""",
    "an item": """
    loss_fn(x @ weights[0] + weights[1], y).backward()
    for i in range(2):
        weights[i] = weights[i] - 0.1 * weights[i].grad
""",
    "while autograd records": """
    loss_fn(x @ w + b, y).backward()
    w -= 0.1 * w.grad
""",
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_is_found(code: str) -> None:
    diagnosis = examine(WEIGHTS + code)
    assert diagnosis.headlines[0].check == check.name
    assert diagnosis.headlines[0].place.line


SILENT = {
    "in place": """
    clear(w, b)
    loss_fn(x @ w + b, y).backward()
    with torch.no_grad():
        for p in weights:
            p -= 0.1 * p.grad
""",
    "through data": """
    clear(w, b)
    loss_fn(x @ w + b, y).backward()
    for p in weights:
        p.data = p.data - 0.1 * p.grad
""",
    "a new leaf": """
    loss_fn(x @ w, y).backward()
    w = (w - 0.1 * w.grad).detach().requires_grad_()
""",
    "made a leaf afterwards": """
    loss_fn(x @ w, y).backward()
    with torch.no_grad():
        w = w - 0.1 * w.grad
    w.requires_grad = True
""",
    "the norm of a gradient": """
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    total = 0
    for p in model.parameters():
        total = total + p.grad.norm()
""",
    "a look beside an optimizer": """
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    for p in model.parameters():
        p = p - p.grad
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert check.name not in {f.check for f in examine(WEIGHTS + code).findings}


@pytest.mark.parametrize("code", [BAD[k] for k in BAD if k != "an item"])
def test_is_read(code: str) -> None:
    assert read(WEIGHTS + code, [check]).findings


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_is_read_in_silence(code: str) -> None:
    assert read(WEIGHTS + code, [check]).findings == ()


@pytest.mark.parametrize(
    ("name", "message", "related"),
    [
        (
            "of a loop under no_grad",
            "`p = ...` gives the name `p` to a new tensor, and forgets it in the next turn: no parameter "
            "changes.",
            [],
        ),
        (
            "a name that no longer requires one",
            "`w = ...` gives the name `w` to a new tensor, which is no parameter: the next backward gives it "
            "no gradient.",
            [(34, "the parameter is made here")],
        ),
        (
            "while autograd records",
            "the parameter `w` is changed in place while autograd records, which torch refuses.",
            [(34, "the parameter is made here")],
        ),
    ],
)
def test_says_what_was_read(name: str, message: str, related: list[tuple[int, str]]) -> None:
    (found,) = read(WEIGHTS + BAD[name], [check]).findings
    assert found.message == message
    assert [(r.place.line, r.label) for r in found.related] == related
