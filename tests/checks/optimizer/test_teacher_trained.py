from dataclasses import replace

import pytest

from osler.checks.optimizer.teacher_trained import check
from osler.model import FollowFact, Kind, OptimizerFact, ParameterFact, Run
from osler.testing import event, examine, findings, place, run_of

FORWARD = event(Kind.FORWARD, "Net 2", 12, "grad")
STEP = event(Kind.STEP, "SGD", 15, "fresh")
BUILT = [OptimizerFact("SGD", (place(5),), 2, 16), OptimizerFact("Adam", (place(6),), 1, 8)]
MEAN = FollowFact("Net 2", "", "Net", "", 0.01, 5, 1)
STUDENT = ParameterFact("weight", "Net", 8, optimizers=("SGD",))
TEACHER = ParameterFact("weight", "Net 2", 8, optimizers=("SGD",))


def run(
    fact: FollowFact = MEAN,
    teacher: ParameterFact = TEACHER,
    student: ParameterFact = STUDENT,
    steps: int = 9,
) -> Run:
    return run_of([[FORWARD, STEP]] * steps, follows=[fact], optimizers=BUILT, parameters=[student, teacher])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(), [check])
    assert found.message == (
        "`Net 2` follows `Net`, a mean with 0.01 of which it becomes after each step, but `SGD` trains both: "
        "gradients reach 1 parameter of the follower."
    )
    assert (found.place.line, found.place.subject) == (5, "Net 2")
    assert [(r.place.line, r.label) for r in found.related] == [
        (12, "it is called here with gradients"),
        (15, "this step moves it as well"),
    ]


def test_says_that_it_is_copied_and_where() -> None:
    parts = FollowFact("Agent", "target", "Agent", "online", 1, 3, 10, (place(20),))
    online = ParameterFact("online.weight", "Agent", 8, optimizers=("SGD",))
    target = ParameterFact("target.weight", "Agent", 8, optimizers=("SGD",))
    (found,) = findings(run(parts, target, online), [check])
    assert found.message.startswith("`target` follows `online`, a copy of which it becomes after each step,")
    assert (20, "it is overwritten here") in [(r.place.line, r.label) for r in found.related]


QUIET = {
    "no optimizer holds it": run(teacher=replace(TEACHER, optimizers=())),
    "another optimizer holds it": run(teacher=replace(TEACHER, optimizers=("Adam",))),
    "no gradient reaches it": run(teacher=replace(TEACHER, reached=False)),
    "it is frozen": run(teacher=replace(TEACHER, trainable=False)),
    "its leader is not trained": run(student=replace(STUDENT, optimizers=())),
    "it was overwritten once": run(replace(MEAN, times=1)),
    "a few steps": run(steps=2),
    "another part of the model": run(replace(MEAN, part="head")),
}


@pytest.mark.parametrize("healthy", QUIET.values(), ids=QUIET)
def test_stays_quiet_on(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_applies_where_something_follows() -> None:
    assert check.applies(run_of([[STEP]], optimizers=BUILT)) == "no network was seen to follow another one"
    assert check.applies(run()) == ""


START = """
import copy

class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x):
        return self.layer(x)

class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = Own()
        self.target = copy.deepcopy(self.online)

    def forward(self, x):
        return self.online(x), self.target(x)

def follow(slow, fast, share=0.05):
    with torch.no_grad():
        for s, f in zip(slow.parameters(), fast.parameters()):
            s.mul_(1 - share).add_(f, alpha=share)

def follow_data(slow, fast, share=0.05):
    for s, f in zip(slow.parameters(), fast.parameters()):
        s.data = share * f.data + (1 - share) * s.data

student = Own()
teacher = copy.deepcopy(student)
"""
LOOP = """
for _ in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores, aim = student(x), teacher(x)
        (loss_fn(scores, y) + F.mse_loss(scores.softmax(1), aim.softmax(1))).backward()
        optimizer.step()
        {after}
"""
BOTH = "optimizer = torch.optim.Adam([*student.parameters(), *teacher.parameters()], lr=0.01)"
ONE = "optimizer = torch.optim.Adam(student.parameters(), lr=0.01)"
PAIR = """
pair = Pair()
optimizer = torch.optim.SGD(pair.parameters(), lr=0.1)
for _ in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores, aim = pair(x)
        (loss_fn(scores, y) + F.mse_loss(scores, aim)).backward()
        optimizer.step()
        {after}
"""
BAD = {
    "a mean of both": BOTH + LOOP.format(after="follow(teacher, student)"),
    "a mean, written through data": BOTH + LOOP.format(after="follow_data(teacher, student)"),
    "a copy in every step": BOTH + LOOP.format(after="teacher.load_state_dict(student.state_dict())"),
    "a copy by hand": BOTH + LOOP.format(after="follow(teacher, student, 1.0)"),
    "parts of one model": PAIR.format(after="follow(pair.target, pair.online)"),
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_is_found(code: str) -> None:
    diagnosis = examine(START + code)
    assert check.name in {f.check for f in diagnosis.headlines}


CLIENTS = """
optimizers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in (student, teacher)]
for _ in range(epochs):
    for x, y in loader:
        for client, optimizer in zip((student, teacher), optimizers):
            optimizer.zero_grad()
            loss_fn(client(x), y).backward()
            optimizer.step()
        follow(teacher, student, 0.5)
"""
SILENT = {
    "a teacher that is left out": ONE + LOOP.format(after="follow(teacher, student)"),
    "a teacher that is frozen": "teacher.requires_grad_(False)\n"
    + BOTH
    + LOOP.format(after="follow(teacher, student)"),
    "two students that learn from each other": BOTH + LOOP.format(after="pass"),
    "a teacher that is detached": BOTH
    + LOOP.replace("teacher(x)", "teacher(x).detach()").format(after="follow(teacher, student)"),
    "a copy at the start": BOTH
    + "\nteacher.load_state_dict(student.state_dict())"
    + LOOP.format(after="pass"),
    "weights are clipped": BOTH
    + LOOP.format(after="[p.data.clamp_(-0.3, 0.3) for p in teacher.parameters()]"),
    "weights are reset": BOTH + LOOP.format(after="[p.data.mul_(0.99) for p in teacher.parameters()]"),
    "clients that are averaged": CLIENTS,
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert check.name not in {f.check for f in examine(START + code).findings}
