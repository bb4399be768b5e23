from dataclasses import replace

import pytest

from osler.checks.data.same_batch_every_step import check
from osler.model import Kind, LoaderFact, Run
from osler.testing import event, examine, findings, read, run_of

CODE = """
fixed = DataLoader(rows(192), batch_size=16)
for step in range(40):
    x, y = next(iter(fixed))
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
"""

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 11, "no-grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TURN = [BATCH, BACKWARD, STEP]
FIXED = LoaderFact("DataLoader", 192, 16, 12, "sequential", begun=40)


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`next(iter(fixed))` inside the loop takes the same first batch at every step.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


def test_says_what_was_seen() -> None:
    (found,) = findings(run_of([TURN] * 40, loaders=[FIXED]), [check])
    assert found.message == (
        "The loader was started anew for each of 40 batches and does not shuffle: every step trained on the "
        "first 16 of 192 samples."
    )
    assert found.place.line == 10


SILENT = {
    "it shuffles": run_of([TURN] * 40, loaders=[replace(FIXED, order="random")]),
    "a stream": run_of([TURN] * 40, loaders=[replace(FIXED, order="stream", batches=-1)]),
    "a sampler": run_of([TURN] * 40, loaders=[replace(FIXED, order="custom")]),
    "whole passes": run_of([TURN] * 48, loaders=[replace(FIXED, begun=4)]),
    "one batch holds everything": run_of([TURN] * 40, loaders=[replace(FIXED, batches=1)]),
    "a look at a few": run_of([TURN] * 5, loaders=[replace(FIXED, begun=5)]),
    "only looked at": run_of([[BATCH, FORWARD]] * 40, loaders=[FIXED]),
    "a batch taken before the loop": run_of(
        [TURN, *[[BACKWARD, STEP]] * 39], loaders=[replace(FIXED, begun=1)]
    ),
}


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(run: Run) -> None:
    assert findings(run, [check]) == ()


@pytest.mark.parametrize(
    "taking",
    ["next(iter(loader))", "next(iter(DataLoader(rows(64), 16, shuffle=True)))", "next(endless)", "batch"],
)
def test_stays_quiet_for_real(taking: str) -> None:
    code = CODE.replace("next(iter(fixed))", taking)
    setup = "import itertools\nendless = itertools.cycle(loader)\nbatch = next(endless)\n"
    assert check.name not in {f.check for f in examine(setup + code).findings if "run" in f.seen_by}


def test_does_not_apply_without_a_loader() -> None:
    assert check.applies(Run()) == "no loader was iterated"
