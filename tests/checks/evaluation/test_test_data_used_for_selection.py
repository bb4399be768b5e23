from pathlib import Path

import pytest

from osler.checks.evaluation.test_data_used_for_selection import TEST, VALIDATION, check
from osler.engine.linting import lint_sources
from osler.model import Severity
from osler.static.sources import parse
from osler.testing import EXAMPLE, PRELUDE, read

CODE = """
held_out = DataLoader(rows(64), batch_size=16)
{setup}
best = 0
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in held_out:
            right += (model(x).argmax(dim=1) == y).sum().item()
    {choice}
"""
SAVE = "if right > best: best = right; torch.save(model.state_dict(), 'best.pt')"
PLATEAU = "schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, 'max')"


@pytest.mark.parametrize(
    ("name", "setup", "choice", "message"),
    [
        (
            "test_loader",
            "",
            SAVE,
            "what is saved is chosen by a result on `test_loader` although there is `val_loader`.",
        ),
        (
            "test_loader",
            PLATEAU,
            "schedule.step(right / 64)",
            "the learning rate is chosen by a result on `test_loader` although there is `val_loader`.",
        ),
    ],
)
def test_says_what_was_seen(name: str, setup: str, choice: str, message: str) -> None:
    code = CODE.format(setup=setup, choice=choice).replace("held_out", name)
    (found,) = read(code, [check]).findings
    assert found.message == message
    assert found.severity is Severity.WARNING


def test_training_data_that_are_evaluated_are_no_third_set() -> None:
    code = CODE.format(setup="train_eval_loader = DataLoader(rows(192), batch_size=64)", choice=SAVE)
    code = code.replace("held_out", "test_loader")
    alone = PRELUDE.replace("val_loader", "other_loader")
    source = parse(Path(EXAMPLE), f"{alone}\n\n{code}".encode())
    (found,) = lint_sources([source], [check]).diagnosis.findings
    assert found.message == "what is saved is chosen by a result on `test_loader`."
    assert found.severity is Severity.HINT


@pytest.mark.parametrize(
    "choice",
    [
        "if epoch and right > best: torch.save(model.state_dict(), 'best.pt')",
        "better = right > best\n    if better: torch.save(model.state_dict(), 'best.pt')",
        "if best < right / 64: kept = model.state_dict()",
    ],
)
def test_ways_to_choose(choice: str) -> None:
    code = CODE.format(setup="", choice=choice).replace("held_out", "test_loader")
    assert len(read(code, [check]).findings) == 1


def test_is_a_hint_without_a_third_set() -> None:
    prelude = "\n".join(line for line in PRELUDE.splitlines() if not line.startswith("val_loader"))
    code = CODE.format(setup="", choice=SAVE).replace("held_out", "test_loader")
    source = parse(Path(EXAMPLE), f"{prelude}\n{code}".encode())
    (found,) = lint_sources([source], [check]).diagnosis.findings
    assert found.message == "what is saved is chosen by a result on `test_loader`."
    assert found.severity is Severity.HINT


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        ("held_out", SAVE),
        ("val_test_loader", SAVE),
        ("latest_loader", SAVE),
        ("test_loader", "print(right)"),
        ("test_loader", "if right > best: best = right"),
        ("test_loader", "if epoch > best: torch.save(model.state_dict(), 'best.pt')"),
        ("test_loader", "if not right > best: print(right)"),
        ("test_loader", "if right > best: best = right\n    torch.save(model.state_dict(), 'last.pt')"),
    ],
)
def test_nothing_is_chosen_by_test_data(name: str, choice: str) -> None:
    code = CODE.format(setup="", choice=choice).replace("held_out", name)
    assert not read(code, [check]).findings


@pytest.mark.parametrize(
    ("name", "test", "validation"),
    [
        ("test_loader", True, False),
        ("testloader", True, False),
        ("self.test_dl", True, False),
        ("test_val_loader", False, True),
        ("val_loader", False, True),
        ("validloader", False, True),
        ("dev_iter", False, True),
        ("loader", False, False),
        ("latest", False, False),
        ("contest_loader", False, False),
        ("value_loader", False, False),
        ("device_loader", False, False),
    ],
)
def test_names(name: str, test: bool, validation: bool) -> None:
    assert bool(TEST.search(name)) is test
    assert bool(VALIDATION.search(name)) is validation


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
