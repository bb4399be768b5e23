import pytest

from osler.checks.optimizer.parameters_used_up import check
from osler.model import Finding
from osler.testing import read

TRAINING = """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        {loss}.backward()
        {more}
        optimizer.step()
"""


def training(loss: str = "loss_fn(model(x), y)", more: str = "pass") -> str:
    return TRAINING.format(loss=loss, more=more)


def found(code: str) -> list[Finding]:
    return [f for f in read(code).findings if f.check == check.name]


CLIPPED = """params = model.parameters()
optimizer = torch.optim.Adam(params)
""" + training(more="nn.utils.clip_grad_norm_(params, 1.0)")

PENALTY = """weights = model.named_parameters()
""" + training("(loss_fn(model(x), y) + sum(w.norm() for _, w in weights))")

GROUP = """net = Net()
head = net.head.parameters()
for p in head:
    nn.init.zeros_(p)
optimizer = torch.optim.Adam([{"params": net.body.parameters()}, {"params": head, "lr": 0.1}])
"""

LONG = """chosen = (p for p in model.named_parameters(prefix="the name of all of them", recurse=True))
named = dict(chosen)
more = list(chosen)
"""


def test_says_what_used_it_up() -> None:
    (finding,) = found(CLIPPED)
    start = finding.place.line
    assert finding.message == (
        "`params` draws from `model.parameters()`, an iterator that can be gone through once: "
        f"line {start + 1} does so, and line {start + 7} has no gradient to clip."
    )
    assert [(r.place.line - start, r.label) for r in finding.related] == [
        (1, "all of it is taken here"),
        (7, "this has no gradient to clip"),
    ]


def test_says_from_when_on_the_same_line_does_nothing() -> None:
    (finding,) = found(PENALTY)
    start = finding.place.line
    assert finding.message == (
        "`weights` draws from `model.named_parameters()`, an iterator that can be gone through once: "
        f"from the second time on, line {start + 5} goes through nothing."
    )
    assert [(r.place.line - start, r.label) for r in finding.related] == [(5, "this goes through nothing")]


def test_says_that_a_group_is_empty() -> None:
    (finding,) = found(GROUP)
    start = finding.place.line
    assert finding.message.endswith(
        f"line {start + 1} does so, and line {start + 3} gives the optimizer a group without parameters."
    )


def test_shortens_a_long_call() -> None:
    (finding,) = found(LONG)
    assert finding.message.startswith("`chosen` draws from `named_parameters()`, an iterator")


def test_is_told_once_for_each_iterator() -> None:
    more = "nn.utils.clip_grad_norm_(params, 1.0)\n        nn.utils.clip_grad_value_(params, 1.0)"
    (finding,) = found(CLIPPED + training(more=more))
    assert finding.place.subject == "params"


SILENT = {
    "a list made where it is none yet": """
def clip(params, limit):
    if not isinstance(params, list):
        params = list(params)
    total = torch.sqrt(sum((p.grad ** 2).sum() for p in params))
    if total > limit:
        for p in params:
            p.grad *= limit / total

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        clip(model.parameters(), 1.0)
        optimizer.step()
""",
    "a loop with one turn": """
params = model.parameters()
for i, (x, y) in enumerate(loader):
    if i > 0:
        break
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    nn.utils.clip_grad_norm_(params, 1.0)
    optimizer.step()
""",
    "the first copy, behind a return": """
class A:
    def __init__(self, net):
        self.params = net.parameters()
        self.shadow = []
    def make(self):
        return sum(p.numel() for p in self.params)
    def step(self):
        if self.shadow:
            return
        self.shadow = [p.clone() for p in self.params]
a = A(model)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        a.step()
        optimizer.step()
""",
    "the first copy, by or": """
class A:
    def __init__(self, net):
        self.params = net.parameters()
        self.shadow = []
    def make(self):
        return sum(p.numel() for p in self.params)
    def step(self):
        self.shadow = self.shadow or [p.clone() for p in self.params]
a = A(model)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        a.step()
        optimizer.step()
""",
    "the first copy, by a choice": """
class A:
    def __init__(self, net):
        self.params = net.parameters()
        self.shadow = []
    def make(self):
        return sum(p.numel() for p in self.params)
    def step(self):
        self.shadow = [p.clone() for p in self.params] if not self.shadow else self.shadow
a = A(model)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        a.step()
        optimizer.step()
""",
    "a count that is remembered": """
params = model.parameters()
cache = {}

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        if "count" not in cache:
            cache["count"] = sum(p.numel() for p in params)
        optimizer.step()
""",
    "once, by a flag": """
class A:
    def __init__(self, net):
        self.params = net.parameters()
        self.first = True
    def step(self):
        if self.first:
            self.before = [p.clone() for p in self.params]
        self.first = False
a = A(model)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        a.step()
        optimizer.step()
""",
    "once, in a class": """
class Trainer:
    def __init__(self, net):
        self.net = net
        self.params = net.parameters()
        self.configure()
    def configure(self):
        self.opt = torch.optim.Adam(self.params)
    def fit(self):
        for x, y in loader:
            self.opt.zero_grad()
            loss_fn(self.net(x), y).backward()
            self.opt.step()
Trainer(model).fit()
""",
    "folds": """
for fold in range(5):
    net = Net()
    params = net.parameters()
    optimizer = torch.optim.Adam(params)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
""",
    "given out in two loops": """
net = Net()
one, two = nn.Linear(8, 16), nn.Linear(16, 4)
flat = net.parameters()
for mine, theirs in zip(one.parameters(), flat):
    mine.data.copy_(theirs.data)
for mine, theirs in zip(two.parameters(), flat):
    mine.data.copy_(theirs.data)
""",
    "a function that makes it anew": """
def trainable(net):
    return filter(lambda p: p.requires_grad, net.parameters())
optimizer = torch.optim.Adam(trainable(model))

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(trainable(model), 1.0)
        optimizer.step()
""",
    "renewed at the end of a turn": """
params = model.parameters()
for epoch in range(3):
    print(sum(p.norm() for p in params))
    params = model.parameters()
""",
    "lists of two networks": """
class Agent:
    def __init__(self):
        self.actor, self.critic = Net(), Net()
        self.params = list(self.actor.parameters()) + list(self.critic.parameters())
        self.opt = torch.optim.Adam(self.params)
    def learn(self):
        for x, y in loader:
            self.opt.zero_grad()
            loss_fn(self.actor(x), y).backward()
            nn.utils.clip_grad_norm_(self.params, 0.5)
            self.opt.step()
agent = Agent()
for _ in range(3):
    agent.learn()
""",
    "weights of an inner loop": """
for task in range(3):
    fast = list(model.parameters())
    for k in range(2):
        grads = torch.autograd.grad(model(torch.ones(2, 8)).sum(), fast)
        fast = [w - 0.1 * g for w, g in zip(fast, grads)]
""",
    "looked for twice": """
def find(params):
    for p in params:
        if p.dim() > 1:
            return p
params = model.parameters()
a = find(params)
b = find(params)
""",
    "batches": """
it = iter(loader)
for e in range(2):
    x, y = next(it)
for b in it: print(b)
for b in it: print(b)
""",
    "cycle": """
import itertools
params = itertools.cycle(model.parameters())
for e in range(3):
    for p, g in zip([1, 2], params):
        print(p, g)
""",
    "tried again": """
params = model.parameters()
while True:
    try:
        print(sum(p.norm() for p in params))
        break
    except RuntimeError:
        torch.cuda.empty_cache()
""",
    "two ways to call": """
def run(net, train):
    params = net.parameters()
    if train:
        opt = torch.optim.Adam(params)
    else:
        for p in params:
            p.requires_grad_(False)
run(model, True)
run(model, False)
""",
    "one turn": """
params = model.parameters()
for epoch in range(1):
    print(sum(p.norm() for p in params))
""",
    "a lambda that makes it anew": """
get = lambda: model.parameters()
optimizer = torch.optim.Adam(get())

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(get(), 1.0)
        optimizer.step()
""",
    "two networks": """
G, D = Net(), Net()
gp, dp = G.parameters(), D.parameters()
og, od = torch.optim.Adam(gp), torch.optim.Adam(dp)
for x, y in loader:
    for p in D.parameters():
        p.requires_grad_(True)
    od.zero_grad(); loss_fn(D(x), y).backward(); od.step()
    og.zero_grad(); loss_fn(G(x), y).backward(); og.step()
""",
    "perhaps a list": """
import random
params = model.parameters() if random.random() else list(model.parameters())
optimizer = torch.optim.Adam(params)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
""",
    "in a dict": """
parts = {"a": model.parameters(), "b": Net().parameters()}
opts = {k: torch.optim.Adam(v) for k, v in parts.items()}
""",
    "the first two, by a break": """
params = model.parameters()
for i, p in enumerate(params):
    p.requires_grad = False
    if i == 1:
        break
for p in params:
    p.requires_grad = True
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_is_silent(code: str) -> None:
    assert found(code) == []
