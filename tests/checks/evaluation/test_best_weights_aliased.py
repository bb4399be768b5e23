import pytest

from osler.checks.evaluation.best_weights_aliased import check
from osler.model import AliasFact, Kind, Run
from osler.testing import event, examine, findings, place, read, run_of

CODE = """
best, best_loss = None, float("inf")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < best_loss:
        best_loss = loss.item()
        best = model.state_dict()
model.load_state_dict(best)
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`best` refers to the live weights: later steps change it before line 44 loads it."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


STEP = event(Kind.STEP, "SGD", 14, "fresh")


def test_says_what_was_seen_in_a_run() -> None:
    fact = AliasFact((place(30),), (place(20),), 3, 9)
    (found,) = findings(run_of([[STEP]] * 9, aliases=[fact]), [check])
    assert found.message == (
        "the weights kept at step 3 are the model's own: 6 later steps changed them too, and loading them "
        "restores nothing."
    )
    assert (found.place.line, found.place.step) == (20, 3)
    assert [(r.place.line, r.label) for r in found.related] == [
        (30, "what is loaded here are the last weights")
    ]


def test_applies_where_weights_are_loaded_into_themselves() -> None:
    assert check.applies(Run()) == "no weights were loaded into the model they came from"


TRAIN = """
def train():
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()

"""
LOAD = "\nmodel.load_state_dict(kept)"
SILENT = {
    "a deep copy": "import copy; kept = copy.deepcopy(model.state_dict()); train()" + LOAD,
    "clones": "kept = {k: v.clone() for k, v in model.state_dict().items()}; train()" + LOAD,
    "no step in between": "train(); kept = model.state_dict(); model.load_state_dict(kept)",
    "another model": (
        "import copy; other = copy.deepcopy(model); kept = model.state_dict(); train()\n"
        "other.load_state_dict(kept)"
    ),
    "never loaded": "kept = model.state_dict(); train()",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(code: str) -> None:
    assert check.name not in {f.check for f in examine(TRAIN + code).findings}


def test_the_live_weights_are_found() -> None:
    code = TRAIN + "kept = model.state_dict(); train(); model.load_state_dict(kept)"
    assert check.name in {f.check for f in examine(code).findings}


def keeping(keep: str, before: str = "") -> str:
    """Three epochs, at whose end something is kept that is loaded at last."""
    return f"""
import copy
{before}
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    {keep}
model.load_state_dict(best)
"""


READ_IN_SILENCE = {
    "a deep copy": keeping("best = copy.deepcopy(model.state_dict())"),
    "clones": keeping("best = {k: v.clone() for k, v in model.state_dict().items()}"),
    "clones on the CPU": keeping(
        "best = {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}"
    ),
    "cloned later": keeping("best = model.state_dict(); best = {k: v.clone() for k, v in best.items()}"),
    "a file": keeping("torch.save(model.state_dict(), 'best.pt'); best = torch.load('best.pt')"),
    "a list of copies": keeping(
        "kept.append(copy.deepcopy(model.state_dict())); best = kept[0]", "kept = []"
    ),
    "loaded at once": keeping("best = model.state_dict(); model.load_state_dict(best)").replace(
        "model.load_state_dict(best)\n", ""
    ),
    "taken after training": keeping("pass").replace("model.load", "best = model.state_dict(); model.load"),
    "a teacher that follows": keeping(
        "teacher.load_state_dict(model.state_dict())", "teacher = copy.deepcopy(model)"
    ).replace("model.load_state_dict(best)\n", ""),
}


@pytest.mark.parametrize("code", READ_IN_SILENCE.values(), ids=READ_IN_SILENCE)
def test_is_read_in_silence(code: str) -> None:
    assert read(code, [check]).findings == ()
