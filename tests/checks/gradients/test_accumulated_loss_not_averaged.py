import pytest

from osler.checks.gradients.accumulated_loss_not_averaged import check
from osler.model import Finding, Severity
from osler.testing import examine, read

CODE = """
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "the mean loss of every batch is added up until the step in line 38, "
        "but never divided by the number of batches."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


LOOP = """
for epoch in range(epochs):
    for i, (x, y) in enumerate(loader):
        {loss}.backward()
        if (i + 1) % 4 == 0:
            {clip}
            optimizer.step()
            optimizer.zero_grad()
"""

AHEAD = """
from itertools import islice
for epoch in range(epochs):
    batches = iter(loader)
    while window := list(islice(batches, 4)):
        for x, y in window:
            {loss}.backward()
        optimizer.step()
        optimizer.zero_grad()
"""

DRAWN = """
for step in range(20):
    for part in range({parts}):
        rows = torch.randint(192, (16,))
        x, y = loader.dataset.tensors[0][rows], loader.dataset.tensors[1][rows]
        {loss}.backward()
    optimizer.step()
    optimizer.zero_grad()
"""

PLAIN = "loss_fn(model(x), y)"


def seen(code: str) -> list[Finding]:
    diagnosis = examine(code)
    assert not diagnosis.failed
    return [f for f in diagnosis.findings if f.check == check.name and "run" in f.seen_by]


def test_says_what_it_saw_happen() -> None:
    (found,) = seen(LOOP.format(loss=PLAIN, clip="pass"))
    assert found.message == (
        "The mean loss goes backward undivided, and `SGD` steps once in 4 batches: its gradient is the sum "
        "of their means."
    )
    assert (found.place.line, found.severity) == (36, Severity.WARNING)
    assert [(r.place.line, r.label) for r in found.related] == [(39, "the optimizer steps here")]


FAULTY = {
    "batches drawn ahead": AHEAD.format(loss=PLAIN),
    "one term of several": LOOP.format(
        loss=f"({PLAIN} + 0.1 * F.mse_loss(model(x), model(-x)))", clip="pass"
    ),
    "averaged by hand": LOOP.format(
        loss="F.cross_entropy(model(x), y, reduction='none').mean()", clip="pass"
    ),
    "a last window that is flushed": LOOP.replace("% 4 == 0", "% 5 == 0 or i == 11").format(
        loss=PLAIN, clip="pass"
    ),
    "two batches": LOOP.replace("% 4", "% 2").format(loss=PLAIN, clip="pass"),
    "Adam with clipping": "optimizer = torch.optim.Adam(model.parameters())\n"
    + LOOP.format(loss=PLAIN, clip="nn.utils.clip_grad_norm_(model.parameters(), 1.0)"),
}

HINTS = {
    "Adam": "optimizer = torch.optim.Adam(model.parameters())\n" + LOOP.format(loss=PLAIN, clip="pass"),
    "no loader": DRAWN.format(loss=PLAIN, parts=4),
}

QUIET = {
    "divided": LOOP.format(loss=f"({PLAIN} / 4)", clip="pass"),
    "multiplied": LOOP.format(loss=f"(0.25 * {PLAIN})", clip="pass"),
    "divided, drawn ahead": AHEAD.format(loss=f"({PLAIN} / len(window))"),
    "a sum that is divided elsewhere": LOOP.format(
        loss="F.cross_entropy(model(x), y, reduction='sum')", clip="pass"
    ),
    "weighted by its samples": LOOP.format(loss=f"({PLAIN} * (len(x) / 64))", clip="pass"),
    "written by hand": LOOP.format(loss="(-model(x).log_softmax(1)[range(16), y].mean())", clip="pass"),
    "a step for each batch": LOOP.replace("% 4", "% 1").format(loss=PLAIN, clip="pass"),
    "one draw a step": DRAWN.format(loss=PLAIN, parts=1),
    "two tasks in one step": LOOP.replace("% 4", "% 1").format(
        loss=f"{PLAIN}.backward()\n        F.mse_loss(model(x), model(-x))", clip="pass"
    ),
    "chunks of one batch": LOOP.replace("% 4", "% 1")
    .replace("{loss}", "for xs, ys in zip(x.chunk(2), y.chunk(2)): {loss}")
    .format(loss="loss_fn(model(xs), ys)", clip="pass"),
    "a closure": """
solver = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)
x, y = loader.dataset.tensors
def closure():
    solver.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    return loss
for step in range(6):
    solver.step(closure)
""",
    "a step that is left out now and then": """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        if loss < 1.3:
            optimizer.step()
""",
    "two optimizers in turn": """
second = torch.optim.SGD(model.parameters(), lr=0.01)
for i, (x, y) in enumerate(loader):
    model.zero_grad()
    loss_fn(model(x), y).backward()
    (second if i % 2 else optimizer).step()
""",
    "two batches of two loaders": """
for (x, y), (xs, ys) in zip(loader, DataLoader(rows(192), batch_size=16)):
    loss_fn(model(x), y).backward()
    loss_fn(model(xs), ys).backward()
    optimizer.step()
    optimizer.zero_grad()
""",
}


@pytest.mark.parametrize("code", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(code: str) -> None:
    assert [f.severity for f in seen(code)] == [Severity.WARNING]


@pytest.mark.parametrize("code", HINTS.values(), ids=HINTS.keys())
def test_hints(code: str) -> None:
    assert [f.severity for f in seen(code)] == [Severity.HINT]


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET.keys())
def test_stays_quiet(code: str) -> None:
    assert seen(code) == []


def loop(body: str, before: str = "") -> str:
    """Twelve batches with a step in every fourth."""
    return f"""
{before}
for i, (x, y) in enumerate(loader):
    {body}
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
"""


SILENT = {
    "divided": loop("(loss_fn(model(x), y) / 4).backward()"),
    "multiplied": loop("(loss_fn(model(x), y) * 0.25).backward()"),
    "divided in place": loop("loss = loss_fn(model(x), y); loss /= 4; loss.backward()"),
    "weighted by its share": loop("(loss_fn(model(x), y) * len(x) / 64).backward()"),
    "divided in a function": loop(
        "scaled(loss_fn(model(x), y)).backward()", "def scaled(loss): return loss / 4"
    ),
    "a sum already": loop(
        "loss_fn(model(x), y).backward()", "loss_fn = nn.CrossEntropyLoss(reduction='sum')"
    ),
    "a loss of its own": loop("model(x).square().sum().backward()"),
    "cleared in every batch": loop("optimizer.zero_grad(); loss_fn(model(x), y).backward()"),
    "a step in every batch": loop("loss_fn(model(x), y).backward(); optimizer.step()"),
    "another optimizer now and then": """
critic = nn.Linear(4, 1)
steps = torch.optim.SGD(critic.parameters(), lr=0.1)
for i, (x, y) in enumerate(loader):
    steps.zero_grad()
    critic(model(x).detach()).mean().backward()
    steps.step()
    if i % 5 == 0:
        optimizer.zero_grad()
        critic(model(x)).mean().backward()
        optimizer.step()
""",
    "only printed now and then": """
for i, (x, y) in enumerate(loader):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    if i % 4 == 0:
        print(i)
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_reading_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()
