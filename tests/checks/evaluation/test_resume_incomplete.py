from dataclasses import replace

import pytest

from osler.checks.evaluation.resume_incomplete import check
from osler.model import Kind, OptimizerFact, ResumeFact, Run
from osler.testing import event, examine, findings, place, read, run_of

STEP = event(Kind.STEP, "Adam", 15, "fresh")
ADAM = ResumeFact((place(8),), "optimizer", "Adam", 36, ("the schedule",), built=(place(5),))


def run(*facts: ResumeFact, steps: int = 9) -> Run:
    built = [OptimizerFact("Adam", (place(5),), 2, 9)]
    return run_of([[STEP]] * steps, resumes=list(facts), optimizers=built)


def test_says_what_was_seen() -> None:
    (found,) = findings(run(ADAM), [check])
    assert found.message == (
        "training goes on from this file, its weights loaded and the schedule restored, but `Adam`, whose "
        "state it holds after 36 steps, starts from nothing."
    )
    assert (found.place.line, found.place.subject) == (8, "Adam")
    assert [(r.place.line, r.label) for r in found.related] == [
        (5, "`Adam` is built here and never restored")
    ]
    assert found.fix == "Take it up from the same file: `optimizer.load_state_dict(...)`."


def test_says_that_the_file_is_written_again() -> None:
    fact = replace(ADAM, restored=(), written_again=True, missing="schedule", name="StepLR", taken=1)
    (found,) = findings(run(fact), [check])
    assert found.message == (
        "training goes on from this file, its weights loaded and the same file written again, but `StepLR`, "
        "whose state it holds after 1 step, starts from nothing."
    )


QUIET = {
    "nothing is missing": run(),
    "a fresh fine-tuning": run(replace(ADAM, restored=())),
    "a few steps": run(ADAM, steps=2),
    "a file read near the end": run(replace(ADAM, step=7)),
}


@pytest.mark.parametrize("healthy", QUIET.values(), ids=QUIET)
def test_stays_quiet_on(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_applies_where_training_goes_on() -> None:
    assert check.applies(run()) == "training did not go on from a file without its state"
    assert check.applies(run(ADAM)) == ""


START = """
import io

def built(last=-1):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    if last > 0:
        optimizer.param_groups[0]["initial_lr"] = 0.01
    return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, last_epoch=last)

def train(optimizer, schedule):
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
        schedule.step()

def save(file):
    file.seek(0)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    torch.save({name: part.state_dict() for name, part in parts.items()}, file)
    file.seek(0)

optimizer, schedule = built()
train(optimizer, schedule)
file = io.BytesIO()
save(file)
stored = torch.load(file)
"""
END = "\ntrain(optimizer, schedule)\n"
WEIGHTS = "model.load_state_dict(stored['model'])\n"
BAD = {
    "the schedule": (
        WEIGHTS + "optimizer, schedule = built()\noptimizer.load_state_dict(stored['optimizer'])" + END,
        "StepLR",
    ),
    "the optimizer": (
        WEIGHTS + "optimizer, schedule = built()\nschedule.load_state_dict(stored['schedule'])" + END,
        "Adam",
    ),
    "all but the weights, in the same file": (
        WEIGHTS + "optimizer, schedule = built()" + END + "save(file)",
        "Adam",
    ),
}


@pytest.mark.parametrize(("code", "name"), BAD.values(), ids=BAD)
def test_is_found(code: str, name: str) -> None:
    found = [f for f in examine(START + code).headlines if f.check == check.name]
    assert name in {f.place.subject.partition(" ")[0] for f in found}
    assert found[0].place.line


SILENT = {
    "all is restored": (
        WEIGHTS + "optimizer, schedule = built()\noptimizer.load_state_dict(stored['optimizer'])\n"
        "schedule.load_state_dict(stored['schedule'])" + END
    ),
    "the schedule counts on in its own way": (
        WEIGHTS + "optimizer, schedule = built(stored['schedule']['last_epoch'])\n"
        "optimizer.load_state_dict(stored['optimizer'])" + END
    ),
    "copies are loaded": (
        "import copy\n" + WEIGHTS + "optimizer, schedule = built()\n"
        "optimizer.load_state_dict(copy.deepcopy(stored['optimizer']))\n"
        "schedule.load_state_dict(dict(stored['schedule']))" + END
    ),
    "a fresh fine-tuning": WEIGHTS + "optimizer, schedule = built()" + END,
    "a fine-tuning in another file": WEIGHTS + "optimizer, schedule = built()" + END + "save(io.BytesIO())",
    "a fine-tuning with other settings": (
        WEIGHTS + "optimizer = torch.optim.Adam(model.parameters(), lr=0.001, weight_decay=0.1)\n"
        "schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1)" + END + "save(file)"
    ),
    "another optimizer": (
        WEIGHTS + "optimizer = torch.optim.SGD(model.parameters(), lr=0.01)\n"
        "schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)" + END + "save(file)"
    ),
    "the same optimizer goes on": WEIGHTS + END + "save(file)",
    "an evaluation": WEIGHTS + "model.eval()\nwith torch.no_grad():\n    model(torch.ones(2, 8))",
    "another training": (
        "model = Net()\noptimizer, schedule = built()\nschedule.last_epoch = 1" + END + "save(file)"
    ),
    "nothing but weights": (
        "file = io.BytesIO(); torch.save(model.state_dict(), file); file.seek(0)\n"
        "model.load_state_dict(torch.load(file)); optimizer, schedule = built()" + END
    ),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert check.name not in {f.check for f in examine(START + code).findings}


READ = """
optimizer = torch.optim.Adam(model.parameters())
stored = torch.load("last.pt")
model.load_state_dict(stored["model"])
start = stored["epoch"]{more}
for epoch in range(start, 9):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
states = {{"model": model.state_dict(), "adam": optimizer.state_dict(), "epoch": epoch}}
torch.save(states, "last.pt")
"""


def test_says_what_was_read() -> None:
    (found,) = read(READ.format(more=""), [check]).findings
    assert found.message == (
        'training goes on from this file, it begins at the "epoch" that the file holds, but the state of '
        '`optimizer` that it holds as "adam" is never read.'
    )
    assert (found.place.line, found.place.subject) == (36, "optimizer")
    assert [(r.place.line, r.label) for r in found.related] == [(43, "it is put into the file here")]
    assert found.fix == 'Take it up as well: `optimizer.load_state_dict(...["adam"])`.'


def test_is_read_in_silence_where_it_is_restored() -> None:
    code = READ.format(more='\noptimizer.load_state_dict(stored["adam"])')
    assert read(code, [check]).findings == ()
