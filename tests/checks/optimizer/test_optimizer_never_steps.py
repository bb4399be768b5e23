from dataclasses import replace

import pytest

from osler.checks.optimizer.optimizer_never_steps import check
from osler.model import BlindFact, Confidence, CrashFact, Event, Kind, OptimizerFact, ParameterFact, Run
from osler.testing import assert_silent, event, findings, place, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
CLEAR = event(Kind.CLEAR, "SGD", 11)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad", "train")
EVALUATE = event(Kind.FORWARD, "Net", 12, "grad", "eval")
FROZEN = event(Kind.FORWARD, "Net", 12)
LOSS = event(Kind.LOSS, "cross_entropy", 13, "grad")
BACKWARD = event(Kind.BACKWARD, "", 14)
ATTACK = event(Kind.BACKWARD, "", 14, "reaches-inputs")
SALIENCY = event(Kind.BACKWARD, "", 14, "gradient-only")
STEP = event(Kind.STEP, "SGD", 15, "fresh")
NO_GRADIENTS = event(Kind.STEP, "SGD", 15, "empty", "first-ever")
BY_HAND = event(Kind.STEP, "by hand", 15, "fresh")
SCALED = event(Kind.SCALER_STEP, "SGD", 15)
PASS_END = event(Kind.PASS_END, "DataLoader", 10)
EVAL, TRAIN = event(Kind.MODE, "Net", 4, "eval"), event(Kind.MODE, "Net", 9, "train")

SGD = OptimizerFact("SGD", (place(5),), 4, 100)
ADAM = OptimizerFact("Adam", (place(6),), 4, 100)
WEIGHT = ParameterFact("weight", "Net", 100, optimizers=("SGD",))
OTHER = ParameterFact("weight", "Other", 50, optimizers=("Adam",))
CRASH = CrashFact("ValueError", "", ())

TURN = [BATCH, CLEAR, FORWARD, LOSS, BACKWARD]
FORGOTTEN = [BATCH, FORWARD, LOSS]


def seen(turns: list[list[Event]], *parameters: ParameterFact, ended: bool = True, **facts: object) -> Run:
    defaults: dict[str, object] = {"optimizers": [SGD], "parameters": list(parameters or [WEIGHT])}
    return run_of(turns, ended=ended, **(defaults | facts))


BOTH = {"optimizers": [SGD, ADAM]}
SILENT = {
    "it steps": seen([[*TURN, STEP]] * 9),
    "not ended yet": seen([TURN] * 60, ended=False),
    "two passes of a tiny set": seen([*[TURN] * 9, [PASS_END]] * 2, ended=False),
    "a trial of the model": seen([TURN] * 2),
    "no optimizer was built": seen([TURN] * 9, optimizers=[]),
    "updates by hand": seen([[*TURN, BY_HAND]] * 9),
    "updated unseen": seen([TURN] * 9, replace(WEIGHT, updated=True)),
    "saliency maps": seen([[BATCH, FORWARD, SALIENCY]] * 9),
    "attacks on a finished model": seen([[BATCH, FORWARD, LOSS, ATTACK]] * 9),
    "gradients of another model only": seen([TURN] * 9, replace(WEIGHT, reached=False)),
    "every step was skipped by the scaler": seen([[*TURN, SCALED]] * 9),
    "part could not be watched": seen([TURN] * 9, blind=[BlindFact("Net", "it is compiled", essential=True)]),
    "accumulation over a long window": seen([*[TURN] * 99, [*TURN, STEP]]),
    "a wrapper that lets the other step": seen(
        [[*TURN, STEP]] * 9, replace(WEIGHT, optimizers=("SGD", "Adam")), **BOTH
    ),
    "a second optimizer not reached": seen(
        [[*TURN, STEP]] * 9, WEIGHT, replace(OTHER, reached=False), **BOTH
    ),
    "a warm-up of the other optimizer": seen([[*TURN, STEP]] * 99, WEIGHT, OTHER, ended=False, **BOTH),
    "no loss": seen([[BATCH, FORWARD]] * 9),
    "a frozen model": seen([[BATCH, FROZEN, LOSS]] * 9),
    "evaluation in eval mode": seen([[BATCH, EVALUATE, LOSS]] * 9),
    "evaluation of a model without Dropout": seen(
        [[EVAL], *[[BATCH, event(Kind.FORWARD, "Net", 1, "grad"), LOSS]] * 9]
    ),
    "a crash before training": seen([FORGOTTEN] * 9, crash=CRASH),
    "no backward, not ended": seen([FORGOTTEN] * 9, ended=False),
    "two losses": seen([FORGOTTEN] * 2),
    "evolution by hand": seen([[*FORGOTTEN, BY_HAND]] * 9),
}


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(run: Run) -> None:
    assert_silent(run, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(seen([TURN] * 12), [check])
    assert (
        found.message
        == "`backward()` computed gradients 12 times, but `SGD` never stepped: no weight has changed."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (14, 0, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [(5, "`SGD` is built here")]


def test_speaks_while_running_after_two_passes() -> None:
    assert len(findings(seen([*[TURN] * 25, [PASS_END]] * 2, ended=False), [check])) == 1


def test_several_optimizers() -> None:
    (found,) = findings(seen([TURN] * 12, **BOTH), [check])
    assert "but none of the 2 optimizers ever stepped" in found.message


@pytest.mark.parametrize(
    ("turns", "ended", "sure"), [(9, True, Confidence.CERTAIN), (100, False, Confidence.LIKELY)]
)
def test_one_of_two_never_steps(turns: int, ended: bool, sure: Confidence) -> None:
    (found,) = findings(seen([[*TURN, STEP]] * turns, WEIGHT, OTHER, ended=ended, **BOTH), [check])
    assert found.message == (
        f"`Adam` never stepped while other optimizers stepped {turns} times, "
        "although gradients reached its only trainable parameter."
    )
    assert (found.place.line, found.related[0].place.line, found.confidence) == (6, 14, sure)


def test_one_of_two_never_steps_and_part_of_it_is_reached() -> None:
    bias = replace(OTHER, name="bias", reached=False)
    (found,) = findings(seen([[*TURN, STEP]] * 9, WEIGHT, OTHER, bias, **BOTH), [check])
    assert found.message.endswith("gradients reached 1 of its 2 trainable parameters.")


def test_backward_was_never_called() -> None:
    (found,) = findings(seen([[*FORGOTTEN, NO_GRADIENTS]] * 12), [check])
    assert found.message == (
        "A loss was computed 12 times, but `backward()` was never called, so there are no gradients."
    )
    assert (found.place.line, found.confidence) == (13, Confidence.CERTAIN)
    assert [r.place.line for r in found.related] == [15, 5]
    assert found.fix == "Call `loss.backward()` before `optimizer.step()`."


def test_neither_backward_nor_step() -> None:
    (found,) = findings(seen([[TRAIN], *[FORGOTTEN] * 12]), [check])
    assert found.confidence is Confidence.LIKELY


def test_says_why_it_does_not_apply() -> None:
    assert check.applies(run_of([TURN])) == "no optimizer was built"
    blind = seen([TURN], blind=[BlindFact("Net", "it is compiled", essential=True)])
    assert check.applies(blind) == "part of the program could not be watched: it is compiled"


# --- the source


TURN_OF = """
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
"""
LOOP = f"for epoch in range(epochs):{TURN_OF}"
STEPS = f"{LOOP}        optimizer.step()\n"
NEVER = "`{}` never steps: `backward()` computes its gradients here, and nothing uses them."


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


FORGOTTEN_STEPS = {
    "in the file": ("optimizer", LOOP),
    "only the schedule steps": (
        "optimizer",
        f"schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)\n{LOOP}    schedule.step()\n",
    ),
    "an expression that calls nothing": ("optimizer", f"{LOOP}        optimizer.step\n"),
    "only a scaler's update": (
        "optimizer",
        "scaler = torch.amp.GradScaler()\n"
        + LOOP.replace("loss.backward()", "scaler.scale(loss).backward()\n        scaler.update()"),
    ),
    "in a function": (
        "optimizer",
        """
def train(model, optimizer):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()

train(model, optimizer)
""",
    ),
    "in a class": (
        "optimizer",
        """
class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters())

    def fit(self):
        for x, y in loader:
            self.optimizer.zero_grad()
            loss_fn(self.model(x), y).backward()

Trainer(nn.Linear(8, 4)).fit()
""",
    ),
    "one of two": (
        "other",
        "critic = nn.Linear(8, 1)\nother = torch.optim.Adam(critic.parameters())\n"
        + STEPS
        + "        critic(x).mean().backward()\n        other.zero_grad()\n",
    ),
    "the same one twice": (
        "judging",
        "judge = nn.Linear(8, 1)\njudging = torch.optim.Adam(judge.parameters())\n"
        + STEPS
        + "        judge(x).mean().backward()\n        judging.zero_grad()\n        optimizer.step()\n",
    ),
}


@pytest.mark.parametrize(("name", "code"), FORGOTTEN_STEPS.values(), ids=FORGOTTEN_STEPS)
def test_no_step_in_the_source(name: str, code: str) -> None:
    assert told(code) == [NEVER.format(name)]


STEPPED = {
    "it steps": STEPS,
    "every few batches": f"{LOOP}        if n % 4 == 0: optimizer.step()\n",
    "at the end of an epoch": f"{LOOP}    optimizer.step()\n",
    "once, at the end": f"{LOOP}optimizer.step()\n",
    "a closure": f"{LOOP}        optimizer.step(lambda: loss)\n",
    "a scaler": "scaler = torch.amp.GradScaler()\n" + f"{LOOP}        scaler.step(optimizer)\n",
    "an accelerator": "from mine import accelerator\n" + f"{LOOP}        accelerator.step(optimizer)\n",
    "a bound method": f"advance = optimizer.step\n{LOOP}        advance()\n",
    "by name": f"{LOOP}        getattr(optimizer, 'step')()\n",
    "through its class": f"{LOOP}        torch.optim.SGD.step(optimizer)\n",
    "a loop over several": f"{LOOP}        for o in [optimizer]: o.step()\n",
    "from a dict": f"optimizers = {{'a': optimizer}}\n{LOOP}        optimizers['a'].step()\n",
    "values of a dict": f"several = {{'a': optimizer}}\n{LOOP}        for o in several.values(): o.step()\n",
    "an unknown function": f"from mine import finish\n{LOOP}        finish(optimizer)\n",
    "an unknown wrapper": f"from mine import SAM\nouter = SAM(optimizer)\n{LOOP}        outer.step()\n",
    "a wrapper of one's own": f"""
class Noam:
    def __init__(self, inner):
        self.inner = inner

    def step(self):
        self.inner.step()

noam = Noam(optimizer)
{LOOP}        noam.step()
""",
    "a hook behind each gradient": f"""
for p in model.parameters():
    p.register_post_accumulate_grad_hook(lambda p: optimizer.step())
{LOOP}""",
    "in a hook of its own for each weight": f"""
each = {{p: torch.optim.SGD([p], lr=0.1) for p in model.parameters()}}
def update(p):
    each[p].step()
for p in model.parameters():
    p.register_post_accumulate_grad_hook(update)
{LOOP}""",
    "by hand": LOOP
    + "        with torch.no_grad():\n            for p in model.parameters(): p -= 0.1 * p.grad\n",
    "by hand, on the data": LOOP + "        for p in model.parameters(): p.data.add_(p.grad, alpha=-0.1)\n",
    "saliency": "model.eval()\nfor x, y in loader:\n    x.requires_grad_(True)\n"
    "    model(x).sum().backward()\n    print(x.grad)\n",
    "saliency, by an attribute": "for x, y in loader:\n    x.requires_grad = True\n"
    "    model(x).sum().backward()\n    print(x.grad)\n",
    "an attack": "for x, y in loader:\n    x.requires_grad_(True)\n    loss_fn(model(x), y).backward()\n"
    "    x = x + 0.1 * x.grad.sign()\n",
    "another one holds the same weights": f"second = torch.optim.Adam(model.parameters())\n{LOOP}"
    "        second.step()\n",
    "it was replaced": "optimizer = torch.optim.Adam(model.parameters())\n" + STEPS,
    "a frozen body": "for p in model.parameters(): p.requires_grad = False\nhead = nn.Linear(4, 4)\n"
    "tuned = torch.optim.Adam(head.parameters())\n"
    + LOOP.replace("model(x)", "head(model(x))").replace("optimizer.", "tuned.")
    + "        tuned.step()\n",
    "the generator's turn": """
critic = nn.Linear(8, 1)
ours, theirs = (torch.optim.Adam(m.parameters()) for m in (model, critic))
for x, y in loader:
    ours.zero_grad(); critic(x).mean().backward(); ours.step()
    theirs.zero_grad(); critic(x).mean().backward(); theirs.step()
""",
    "a framework": f"import pytorch_lightning\n{LOOP}        self.optimizers().step()\n",
    "nothing goes backward": "for x, y in loader: print(loss_fn(model(x), y))\n",
    "a backward of something else": "w = torch.zeros(3, requires_grad=True)\nw.sum().backward()\n",
    "handed out by a function": """
def build(net):
    made = torch.optim.SGD(net.parameters(), lr=0.1)
    return made

def train(step_with):
    for x, y in loader:
        loss_fn(model(x), y).backward()
        step_with.step()

train(build(model))
""",
    "workers that share gradients": f"import torch.distributed as dist\n{LOOP}"
    "        for p in model.parameters(): dist.all_reduce(p.grad)\n        optimizer.step()\n",
}


@pytest.mark.parametrize("code", STEPPED.values(), ids=STEPPED)
def test_stays_quiet_about_the_source(code: str) -> None:
    assert told(code) == []
