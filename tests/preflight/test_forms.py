"""Batches, models and loops of many forms: asked, or refused with a reason; the script goes on afterwards."""

import pytest

from osler.testing import try_out

BATCHES = {
    "dict": """
class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 96

    def __getitem__(self, n):
        x, y = rows_[n]
        return {"features": x, "label": y, "name": f"row {n}"}

rows_ = rows(96)
for batch in [DataLoader(Rows(), batch_size=16)] * 2:
    for b in batch:
        x, y = b["features"], b["label"]
        assert b["name"][0].startswith("row")
""",
    "nested": """
nested = [((x[:4], {"rest": [x[4:]]}), y) for x, y in rows(192)]
for epoch in range(2):
    for (left, more), y in DataLoader(nested, batch_size=16):
        x = torch.cat([left, more["rest"][0]], 1)
""",
    "named tuple": """
from collections import namedtuple
Sample = namedtuple("Sample", "x y")
for epoch in range(2):
    for b in DataLoader([Sample(x, y) for x, y in rows(192)], batch_size=16):
        assert type(b) is Sample
        x, y = b.x, b.y
""",
    "dataclass": """
from dataclasses import dataclass

@dataclass
class Pair:
    x: torch.Tensor
    y: torch.Tensor

def together(samples):
    return Pair(torch.stack([x for x, _ in samples]), torch.stack([y for _, y in samples]))

for epoch in range(2):
    for b in DataLoader(rows(192), batch_size=16, collate_fn=together):
        x, y = b.x, b.y
""",
    "graphs": """
class Graphs:
    def __init__(self, nodes, edges, owner, y):
        self.nodes, self.edges, self.owner, self.y = nodes, edges, owner, y

    def clone(self):
        return Graphs(*(t.clone() for t in (self.nodes, self.edges, self.owner, self.y)))

def together(samples):
    sizes = [2 + n % 3 for n in range(len(samples))]
    owner = torch.repeat_interleave(torch.arange(len(samples)), torch.tensor(sizes))
    nodes = torch.stack([x for x, _ in samples])[owner]
    edges = torch.stack([torch.arange(len(owner)), torch.arange(len(owner)).roll(1)])
    return Graphs(nodes, edges, owner, torch.stack([y for _, y in samples]))

for epoch in range(2):
    for b in DataLoader(rows(192), batch_size=16, collate_fn=together):
        summed = torch.zeros(int(b.owner.max()) + 1, 8).index_add(0, b.owner, b.nodes[b.edges[0]])
        x, y = summed / torch.bincount(b.owner)[:, None], b.y
""",
    "lists of lengths": """
def together(samples):
    return [x[: 3 + n % 5] for n, (x, _) in enumerate(samples)], torch.stack([y for _, y in samples])

for epoch in range(2):
    for parts, y in DataLoader(rows(192), batch_size=16, collate_fn=together):
        x = torch.stack([F.pad(p, (0, 8 - len(p))) for p in parts])
""",
    "one batch only": """
for epoch in range(60):
    for x, y in DataLoader(rows(16), batch_size=16):
""",
    "one batch in all": """
for x, y in DataLoader(rows(16), batch_size=16):
    for again in range(1):
""",
    "endless dataset": """
class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        while True:
            yield from rows(64)

for turn, (x, y) in enumerate(DataLoader(Stream(), batch_size=16)):
    if turn == 160:
        break
    if True:
""",
    "sampler of its own": """
class Balanced(torch.utils.data.Sampler):
    def __init__(self, labels, count):
        self.labels, self.count = labels, count

    def __len__(self):
        return self.count

    def __iter__(self):
        weights = 1.0 / torch.bincount(self.labels, minlength=4)[self.labels]
        yield from torch.multinomial(weights, self.count, replacement=True).tolist()

data = rows(192)
for epoch in range(2):
    for x, y in DataLoader(data, batch_size=16, sampler=Balanced(data.tensors[1], 160)):
""",
    "batches by a sampler": """
class ByLength(torch.utils.data.Sampler):
    def __iter__(self):
        for top in torch.randperm(12).tolist():
            yield list(range(top * 16, top * 16 + 16 - top % 3))

    def __len__(self):
        return 12

for epoch in range(2):
    for x, y in DataLoader(rows(192), batch_sampler=ByLength()):
""",
    "workers that stay": """
kept = DataLoader(rows(192), batch_size=16, num_workers=1, persistent_workers=True, prefetch_factor=2)
for epoch in range(2):
    for x, y in kept:
""",
    "pinned": """
for epoch in range(2):
    for x, y in DataLoader(rows(192), batch_size=16, pin_memory=torch.cuda.is_available()):
        x, y = x.to("cpu", non_blocking=True), y.to("cpu", non_blocking=True)
""",
}
BODY = """
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
"""
ASKED = ("connectivity", "evaluate-twice", "replay-exactly", "overfit-one-batch")


@pytest.mark.parametrize("form", BATCHES)
def test_batches(form: str) -> None:
    code = BATCHES[form].rstrip() + BODY
    diagnosis = try_out(code, *ASKED)
    answers = {a.name: a for a in diagnosis.experiments}
    assert diagnosis.headlines == ()
    assert answers["replay-exactly"].answer.startswith("yes,"), answers
    assert answers["overfit-one-batch"].values["best"] < answers["overfit-one-batch"].values["first"]
    assert not answers["connectivity"].skipped


MODELS = {
    "spectral norm": """
model = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(8, 16)), nn.ReLU(), nn.Linear(16, 4))
""",
    "old spectral norm": """
model = nn.Sequential(nn.utils.spectral_norm(nn.Linear(8, 16)), nn.ReLU(), nn.Linear(16, 4))
""",
    "queue": """
class Queue(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)
        self.register_buffer("keys", torch.zeros(64, 16))
        self.place = 0

    def forward(self, x):
        h = torch.relu(self.body(x))
        near = torch.softmax(h @ self.keys.clone().T, 1) @ self.keys.clone()
        if self.training:
            with torch.no_grad():
                self.keys[self.place : self.place + len(x)] = h
                self.place = (self.place + len(x)) % 64
        return self.head(h + 0.1 * near)

model = Queue()
""",
    "memory in a list": """
class Memory(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head, self.bank = nn.Linear(8, 16), nn.Linear(16, 4), []

    def forward(self, x):
        h = torch.relu(self.body(x))
        if self.bank:
            h = h + 0.1 * torch.stack(self.bank).mean(0)
        self.bank = [*self.bank[-3:], h.detach().mean(0)]
        return self.head(h)

model = Memory()
""",
    "statistics of its own": """
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        self.seen, self.mean = 0, torch.zeros(8)

    def forward(self, x):
        if self.training:
            self.seen += len(x)
            self.mean = self.mean + (x.mean(0) - self.mean) * len(x) / self.seen
        return self.net(x - self.mean)

model = Scaled()
""",
    "recurrent state": """
class Stateful(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head, self.state = nn.GRUCell(8, 16), nn.Linear(16, 4), None

    def forward(self, x):
        state = None if self.state is None or len(self.state) != len(x) else self.state.detach()
        self.state = self.cell(x, state)
        return self.head(self.state)

model = Stateful()
""",
}
FIT = """
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


@pytest.mark.parametrize("model", MODELS)
def test_models_with_a_memory(model: str) -> None:
    """What a model keeps is put back, so that turns replay bit for bit."""
    diagnosis = try_out(MODELS[model] + FIT, "replay-exactly", "overfit-one-batch")
    replayed, memorised = diagnosis.experiments
    assert replayed.answer == "yes, 10 turns bit for bit"
    assert memorised.answer.startswith("yes: ")
    assert diagnosis.headlines == ()


LOOPS = {
    "losses in a dict": """
for epoch in range(3):
    for x, y in loader:
        out = model(x)
        losses = {"fit": loss_fn(out, y), "size": 1e-3 * out.square().mean()}
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
""",
    "a model that returns its losses": """
class WithLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, batch):
        scores = self.net(batch["x"])
        return {"loss": F.cross_entropy(scores, batch["y"]), "scores": scores}

model = WithLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    for b in DataLoader([{"x": x, "y": y} for x, y in rows(192)], batch_size=16, shuffle=True):
        optimizer.zero_grad()
        model(b)["loss"].backward()
        optimizer.step()
""",
    "closure": """
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=2)
for epoch in range(3):
    for x, y in loader:
        def closure():
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            return loss
        optimizer.step(closure)
""",
    "closure of a plain optimizer": """
for epoch in range(3):
    for x, y in loader:
        def closure():
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            return loss
        optimizer.step(closure)
""",
    "queue of steps": """
batches = iter(loader)
for step in range(100):
    try:
        x, y = next(batches)
    except StopIteration:
        batches = iter(loader)
        x, y = next(batches)
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
""",
}


@pytest.mark.parametrize("loop", LOOPS)
def test_loops(loop: str) -> None:
    diagnosis = try_out(LOOPS[loop], "connectivity", "replay-exactly", "overfit-one-batch")
    answers = {a.name: a for a in diagnosis.experiments}
    assert diagnosis.headlines == ()
    assert answers["replay-exactly"].answer.startswith("yes,")
    assert answers["overfit-one-batch"].values["best"] < answers["overfit-one-batch"].values["first"]
    assert diagnosis.subject.steps >= 16
