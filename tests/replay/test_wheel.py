"""The script's own loop carries out what is planned, and goes on as if nothing had been."""

import pytest

from osler.testing import try_out

LOOP = """
import random
losses, shown = [], []
for epoch in range(3):
    model.train()
    for number, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        RECORD.append((epoch, loss.item(), random.random()))
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            SEEN.append(len(x))
            model(x)
"""


def ran(code: str, *only: str):
    """The diagnosis, and what the loop recorded."""
    record: list[object] = []
    seen: list[object] = []
    import builtins

    builtins.RECORD, builtins.SEEN = record, seen
    try:
        return try_out(code, *only), record, seen
    finally:
        del builtins.RECORD, builtins.SEEN


def plain(code: str) -> list[object]:
    """What the loop records by itself."""
    from osler.testing import PRELUDE

    record: list[object] = []
    exec(PRELUDE + code, {"RECORD": record, "SEEN": [], "__name__": "__main__"})
    return record


@pytest.mark.filterwarnings("ignore")
def test_the_script_goes_on_where_it_was():
    """Bit for bit: the losses of the first pass, after experiments that have trained the model."""
    import random

    random.seed(0)
    alone = [loss for epoch, loss, _ in plain(LOOP) if epoch == 0]
    random.seed(0)
    diagnosis, record, seen = ran(LOOP, "replay-exactly")
    steered = [loss for _, loss, _ in record]
    assert diagnosis.experiments[0].values == {"turns": 10, "noise": 0.0}
    assert len(steered) > 30
    own = [loss for epoch, loss, _ in record if epoch == 0][-len(alone) :]
    assert own == alone
    assert seen[:4] == [16] * 4, "evaluation was passed, and all of it seen"


UNEVEN = """
loader = DataLoader(rows(97), batch_size=16)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(4):
    for x, y in loader:
        RECORD.append(len(x))
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_a_batch_of_one_is_left_to_the_script():
    diagnosis, record, _ = ran(UNEVEN, "replay-exactly")
    assert diagnosis.experiments[0].values == {"turns": 10, "noise": 0.0}
    own = [16] * 6 + [1]
    assert record[-4 * len(own) :] == own * 4
    assert 1 not in record[: -4 * len(own)]


def test_a_loop_that_counts_its_steps_does_not_end():
    code = """
step = 0
batches = iter(loader)
while step < 40:
    try:
        x, y = next(batches)
    except StopIteration:
        batches = iter(loader)
        continue
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    step += 1
"""
    diagnosis, _, _ = ran(code, "overfit-one-batch")
    (answer,) = diagnosis.experiments
    assert answer.values["turns"] > 40
    assert diagnosis.subject.steps >= 24


def test_a_range_is_respected():
    code = """
def endless():
    while True:
        yield from loader

batches = endless()
for step in range(30):
    x, y = next(batches)
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
"""
    diagnosis, _, _ = ran(code, "overfit-one-batch")
    (answer,) = diagnosis.experiments
    assert answer.skipped == "it needs 30 turns, and the loop makes only 13 more"


def test_accumulation_windows_are_met_at_their_start():
    code = """
for epoch in range(2):
    for number, (x, y) in enumerate(loader):
        (loss_fn(model(x), y) / 4).backward()
        if (number + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
"""
    diagnosis, _, _ = ran(code, "replay-exactly")
    (answer,) = diagnosis.experiments
    assert answer.answer == "yes, 10 turns bit for bit"
    assert not diagnosis.headlines


FORMS = {
    "dict": """
for b in DataLoader([{'x': x, 'y': y} for x, y in rows(96)], batch_size=16):
    x, y = b['x'], b['y']
""",
    "endless": """
def forever():
    while True:
        yield from loader

for x, y in forever():
""",
    "one batch": """
alone = DataLoader(rows(32), batch_size=32)
while True:
  for x, y in alone:
""",
    "two loaders": """
for (x, y), (u, _) in zip(loader, val_loader):
    u.mean()
""",
    "iterable": """
class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        yield from rows(400)

for x, y in DataLoader(Stream(), batch_size=16):
""",
    "workers": """
for x, y in DataLoader(rows(192), batch_size=16, num_workers=1):
""",
}
BODY = """
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize("form", FORMS)
def test_batches_of_many_forms(form: str) -> None:
    diagnosis, _, _ = ran(FORMS[form].rstrip("\n") + BODY, "replay-exactly")
    (answer,) = diagnosis.experiments
    assert answer.answer.startswith("yes"), answer


def test_without_a_loader():
    code = """
x, y = torch.randn(64, 8), torch.randint(0, 4, (64,))
for epoch in range(40):
    for top in range(0, 64, 16):
        inputs, labels = x[top : top + 16], y[top : top + 16]
        optimizer.zero_grad()
        loss_fn(model(inputs), labels).backward()
        optimizer.step()
"""
    diagnosis, _, _ = ran(code, "replay-exactly", "overfit-one-batch", "connectivity")
    answers = {a.name: a for a in diagnosis.experiments}
    assert answers["replay-exactly"].answer == "yes, 10 turns bit for bit"
    values = answers["overfit-one-batch"].values
    assert values["best"] < values["first"] / 2
    assert not diagnosis.headlines


def test_a_fault_in_an_experiment_is_one_refusal(monkeypatch):
    from osler.preflight.experiments import connectivity

    monkeypatch.setattr(connectivity, "reason", lambda _: 1 / 0)
    code = LOOP.replace("random.random()", "0")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        ran(code, "connectivity", "initial-loss")
