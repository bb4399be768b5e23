import pytest

from osler.checks.optimizer.schedule_stepped_too_rarely import check
from osler.model import CrashFact, Event, Kind, OptimizerFact, Run, ScheduleFact
from osler.testing import assert_silent, event, findings, place, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
SCHEDULE = event(Kind.SCHEDULE, "ExponentialLR", 15)
END = event(Kind.PASS_END, "DataLoader", 10)
TRAIN = [BATCH, BACKWARD, STEP]
BUILT = [OptimizerFact("SGD", (place(5),), 2, 9)]


def fact(
    calls: int, horizon: int = 30, kind: str = "OneCycleLR", name: str = "ExponentialLR"
) -> ScheduleFact:
    return ScheduleFact(name, (place(6),), kind, "SGD", horizon, calls=calls)


def run(*schedules: ScheduleFact, passes: int = 3, **more: object) -> Run:
    turns: list[list[Event]] = [*[TRAIN] * 10, [END, SCHEDULE]] * passes
    return run_of(turns, schedules=list(schedules), optimizers=BUILT, **({"ended": True} | more))


SILENT = {
    "as often as planned": run(fact(30)),
    "a horizon in epochs": run(fact(3, 3)),
    "a decay in epochs": run(fact(3, 30, "StepLR")),
    "the run ended early": run(fact(3, 90)),
    "it goes on": run(fact(3), ended=False),
    "it was stopped": run(fact(3), cut=True),
    "it crashed": run(fact(3), crash=CrashFact("RuntimeError", "", ())),
    "part of another": run(fact(0), fact(30, 0, "SequentialLR", "SequentialLR")),
    "never, in the first pass": run(fact(0), passes=1),
    "no horizon": run(fact(3, 0, "LambdaLR")),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert_silent(healthy, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(fact(3)), [check])
    assert found.message == "`ExponentialLR` was planned for 30 steps and took 3, while `SGD` took 30."
    assert (found.place.line, found.place.subject) == (15, "ExponentialLR")
    assert [(r.place.line, r.label) for r in found.related] == [(6, "`ExponentialLR` is built here")]


@pytest.mark.parametrize("cut", [False, True], ids=["to its end", "stopped"])
def test_never_stepped(cut: bool) -> None:
    (found,) = findings(run(fact(0), cut=cut), [check])
    assert found.message == "`ExponentialLR` was built and never stepped, while `SGD` took 30 steps."
    assert (found.place.line, found.fix) == (
        6,
        "Call `scheduler.step()` in the loop, or remove the schedule.",
    )


# --- the source


CYCLE = "schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, {})\n"
TOTAL = CYCLE.format("total_steps=epochs * len(loader)")
PLAIN = "schedule = torch.optim.lr_scheduler.{}\n"
BATCHES = """
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""
LOOP = f"for epoch in range(epochs):{BATCHES}"
ONCE = f"{LOOP}    schedule.step()\n"
EACH = f"{LOOP}        schedule.step()\n"
PER_EPOCH = "`schedule` was planned for all batches of all epochs, and is stepped once per epoch."


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


TOO_RARELY = {
    "a number of steps": TOTAL + ONCE,
    "the product the other way round": CYCLE.format("total_steps=len(loader) * epochs") + ONCE,
    "a number that has a name": f"count = len(loader) * epochs\n{CYCLE.format('total_steps=count')}{ONCE}",
    "by position": PLAIN.format("OneCycleLR(optimizer, 0.1, len(loader) * epochs)") + ONCE,
    "steps of an epoch": CYCLE.format("epochs=epochs, steps_per_epoch=len(loader)") + ONCE,
    "a warm-up is taken off": CYCLE.format("total_steps=epochs * len(loader) - 10") + ONCE,
    "a whole number": CYCLE.format("total_steps=int(epochs * len(loader))") + ONCE,
    "a cosine": PLAIN.format("CosineAnnealingLR(optimizer, T_max=epochs * len(loader))") + ONCE,
    "a cosine by position": PLAIN.format("CosineAnnealingLR(optimizer, epochs * len(loader))") + ONCE,
    "a line": PLAIN.format("LinearLR(optimizer, total_iters=epochs * len(loader))") + ONCE,
    "a power": PLAIN.format("PolynomialLR(optimizer, epochs * len(loader))") + ONCE,
    "behind an evaluation": TOTAL
    + ONCE.replace(
        "    schedule.step()",
        "    with torch.no_grad():\n        for x, y in val_loader: print(loss_fn(model(x), y))\n"
        "    schedule.step()",
    ),
    "in functions": f"""
def train(model, loader, optimizer):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()

def main():
    {TOTAL}
    for epoch in range(epochs):
        train(model, loader, optimizer)
        schedule.step()

main()
""",
}


@pytest.mark.parametrize("code", TOO_RARELY.values(), ids=TOO_RARELY)
def test_planned_for_batches_and_stepped_once_per_epoch(code: str) -> None:
    assert told(code) == [PER_EPOCH]


def test_a_class_that_keeps_its_schedule() -> None:
    code = """
class Trainer:
    def __init__(self, model, loader):
        self.model, self.loader = model, loader
        self.optimizer = torch.optim.AdamW(model.parameters())
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, 0.1, total_steps=epochs * len(self.loader)
        )

    def fit(self):
        for epoch in range(epochs):
            for x, y in self.loader:
                self.optimizer.zero_grad()
                loss_fn(self.model(x), y).backward()
                self.optimizer.step()
            self.schedule.step()

Trainer(model, loader).fit()
"""
    (found,) = read(code, [check]).findings
    assert found.message == PER_EPOCH
    assert found.place.subject == "self.schedule"
    assert [r.label for r in found.related][:1] == ["its horizon is a multiple of the length of a loader"]


NEVER = {
    "in the file": PLAIN.format("StepLR(optimizer, 2)") + LOOP,
    "a plan in batches": TOTAL + LOOP,
    "only its rate is read": PLAIN.format("StepLR(optimizer, 2)")
    + LOOP
    + "    print(schedule.get_last_lr())",
    "two of which one is stepped": PLAIN.format("StepLR(optimizer, 2)")
    + "other = torch.optim.lr_scheduler.StepLR(optimizer, 2)\n"
    + ONCE.replace("schedule.step", "other.step"),
    "in a function": f"def main():\n    {PLAIN.format('StepLR(optimizer, 2)')}"
    + "".join(f"    {line}\n" for line in LOOP.splitlines())
    + "main()",
}


@pytest.mark.parametrize("code", NEVER.values(), ids=NEVER)
def test_built_and_never_stepped(code: str) -> None:
    (found,) = read(code, [check]).findings
    assert found.message.startswith("`schedule` is built and never stepped, while `optimizer` steps in line ")
    assert found.fix == "Call `scheduler.step()` in the loop, or remove the schedule."
    assert found.related[0].label == "the optimizer steps here"


QUIET = {
    "after every batch": TOTAL + EACH,
    "a horizon in epochs": PLAIN.format("CosineAnnealingLR(optimizer, T_max=epochs)") + ONCE,
    "a decay in epochs": PLAIN.format("StepLR(optimizer, 2)") + ONCE,
    "a length for something else": PLAIN.format("StepLR(optimizer, len(loader) * 2)") + ONCE,
    "epochs of one batch": CYCLE.format("total_steps=total") + ONCE,
    "a share of a loader": CYCLE.format("total_steps=epochs * len(loader) // len(val_loader)") + ONCE,
    "one step for each loader": CYCLE.format("total_steps=3 * len(loaders)")
    + f"loaders = [loader, val_loader]\n{ONCE}",
    "once for each fold": f"""
folds = [loader, val_loader]
for fold in folds:
    {CYCLE.format("total_steps=epochs * len(fold)")}
    for epoch in range(epochs):
        for x, y in fold:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
            schedule.step()
""",
    "after every batch and once more": TOTAL + EACH + "    schedule.step()\n",
    "every few batches": TOTAL + EACH.replace("    schedule.step()", "    if step % 4 == 0: schedule.step()"),
    "in a method that is given the batch": TOTAL
    + "def update():\n    optimizer.step()\n    schedule.step()\n"
    + LOOP.replace("optimizer.step()", "update()"),
    "as many times as there are batches": TOTAL
    + ONCE.replace("    schedule.step()", "    for _ in range(len(loader)): schedule.step()"),
    "under a condition": TOTAL
    + EACH.replace("    schedule.step()", "    if per_batch: schedule.step()")
    + "    if not per_batch: schedule.step()\n",
    "through a list": f"{TOTAL}schedules = [schedule]\n"
    + ONCE.replace("schedule.step()", "for s in schedules: s.step()"),
    "a part of another": PLAIN.format("LinearLR(optimizer)")
    + "both = torch.optim.lr_scheduler.SequentialLR(optimizer, [schedule], [])\n"
    + ONCE.replace("schedule.step", "both.step"),
    "a part of a chain": PLAIN.format("LinearLR(optimizer)")
    + "both = torch.optim.lr_scheduler.ChainedScheduler([schedule])\n"
    + ONCE.replace("schedule.step", "both.step"),
    "given to somebody": "import ignite\n"
    + PLAIN.format("StepLR(optimizer, 2)")
    + "ignite.attach(schedule)\n"
    + LOOP,
    "the optimizer never steps": PLAIN.format("StepLR(optimizer, 2)")
    + LOOP.replace("optimizer.step()", "pass"),
    "a schedule of another optimizer": "other = torch.optim.SGD(model.parameters(), lr=1)\n"
    + PLAIN.format("StepLR(other, 2)")
    + LOOP,
    "a schedule nobody knows": "from mine import Schedule\nschedule = Schedule(optimizer)\n" + LOOP,
    "handed out by a function": "def build():\n    "
    + PLAIN.format("StepLR(optimizer, 2)")
    + "    return schedule\n"
    + "s = build()\n"
    + ONCE.replace("schedule.step", "s.step"),
    "switched off": "schedule = None\nif warm:\n    "
    + PLAIN.format("StepLR(optimizer, 2)")
    + LOOP
    + "    if schedule is not None: schedule.step()\n",
    "stepped by a name": PLAIN.format("StepLR(optimizer, 2)")
    + ONCE.replace("schedule.step()", "getattr(schedule, 'step')()"),
    "kept in a dict": f"{PLAIN.format('StepLR(optimizer, 2)')}state = {{'schedule': schedule}}\n"
    + ONCE.replace("schedule.step()", "state['schedule'].step()"),
    "a bound method": f"{PLAIN.format('StepLR(optimizer, 2)')}advance = schedule.step\n"
    + ONCE.replace("schedule.step()", "advance()"),
    "in a module of functions": """
def build(optimizer):
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=epochs * len(loader))
""",
    "the whole data in one batch": "x, y = torch.randn(90, 8), torch.zeros(90)\n"
    "loader = DataLoader(TensorDataset(x, y), batch_size=90)\n" + TOTAL + ONCE,
    "through its class": PLAIN.format("StepLR(optimizer, 2)")
    + ONCE.replace("schedule.step()", "torch.optim.lr_scheduler.StepLR.step(schedule)"),
    "in a hook of the step": PLAIN.format("StepLR(optimizer, 2)")
    + "optimizer.register_step_post_hook(lambda *_: schedule.step())\n"
    + LOOP,
    "in a callback of another file": "from mine import train\n"
    + PLAIN.format("StepLR(optimizer, 2)")
    + "train(model, optimizer, after=schedule.step)\n",
    "a warm-up of a library around it": "import pytorch_warmup\n"
    + PLAIN.format("CosineAnnealingLR(optimizer, T_max=epochs * len(loader))")
    + "warmup = pytorch_warmup.LinearWarmup(optimizer, 9)\n"
    + EACH.replace(
        "        schedule.step()", "        with warmup.dampening():\n            schedule.step()"
    ),
    "accumulated": CYCLE.format("total_steps=epochs * len(loader) // 4")
    + EACH.replace("        schedule.step()", "        if n % 4 == 0: schedule.step()"),
    "a generator that trains": TOTAL
    + "def train():\n"
    + "".join(f"    {line}\n" for line in EACH.splitlines())
    + "        yield epoch\nfor epoch in train(): print(epoch)\n",
    "a framework steps it": f"import pytorch_lightning\n{TOTAL}{ONCE}",
}


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET)
def test_stays_quiet_about_the_source(code: str) -> None:
    assert told(code) == []


def test_only_a_whole_training_can_refute_the_source() -> None:
    assert check.refutes(run(fact(3)))
    assert not check.refutes(run(fact(3), cut=True))
    assert not check.refutes(run(fact(3), ended=False))
