"""A mixture of eight experts with top-1 routing on forest-like synthetic tabular data; three label heads take turns.

Experts that get no sample in a step have no gradient in it; the router is kept balanced by an auxiliary loss.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

REGIONS, FEATURES = 8, 10


class Terrain(Dataset):
    """Eight regions; in each another linear rule says to which of three kinds of forest a place belongs."""

    def __init__(self, n, seed):
        world = torch.Generator().manual_seed(1234)
        centres = 3.0 * torch.randn(REGIONS, FEATURES, generator=world)
        rules = torch.randn(3, REGIONS, FEATURES, 3, generator=world)
        g = torch.Generator().manual_seed(seed)
        region = torch.randint(REGIONS, (n,), generator=g)
        local = torch.randn(n, FEATURES, generator=g)
        self.x = centres[region] + local
        self.y = torch.stack([torch.einsum("nf,nfk->nk", local, rules[task, region]).argmax(1) for task in range(3)], dim=1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"features": self.x[i], "labels": self.y[i]}


class Expert(nn.Sequential):
    def __init__(self, width):
        super().__init__(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))


class SparseMoE(nn.Module):
    def __init__(self, width, experts):
        super().__init__()
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(Expert(width) for _ in range(experts))

    def forward(self, x):
        p = self.router(x).softmax(dim=-1)
        gate, chosen = p.max(dim=-1)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            rows = (chosen == i).nonzero().squeeze(-1)
            if rows.numel():
                out = out.index_add(0, rows, gate[rows, None] * expert(x[rows]))
        load = F.one_hot(chosen, len(self.experts)).float().mean(0)
        return out, len(self.experts) * (load * p.mean(0)).sum()


class Model(nn.Module):
    def __init__(self, width=24, experts=8, tasks=3):
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(FEATURES, width), nn.SiLU(), nn.LayerNorm(width))
        self.moe = SparseMoE(width, experts)
        self.norm = nn.LayerNorm(width)
        self.heads = nn.ModuleList([nn.Linear(width, 3) for _ in range(tasks)])

    def forward(self, x, task):
        h = self.stem(x)
        mixed, balance = self.moe(h)
        return self.heads[task](self.norm(h + mixed)), balance


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    hits, n = torch.zeros(3), 0
    for batch in loader:
        for task in range(3):
            logits, _ = model(batch["features"], task)
            hits[task] += (logits.argmax(1) == batch["labels"][:, task]).sum()
        n += len(batch["features"])
    model.train()
    return (hits / n).tolist()


def main():
    torch.manual_seed(21)
    loader = DataLoader(Terrain(3000, seed=1), batch_size=100, shuffle=True)
    val_loader = DataLoader(Terrain(600, seed=2), batch_size=300)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.01)
    epochs = 10
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / (epochs * len(loader)))
    )
    step, loss_sum = 0, 0.0
    for epoch in range(epochs):
        for batch in loader:
            task = step % 3  # one task in each step, in turn
            logits, balance = model(batch["features"], task)
            loss = F.cross_entropy(logits, batch["labels"][:, task]) + 0.02 * balance
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item()
            step += 1
        if epoch % 3 == 0:
            shares = " ".join(f"{a:.3f}" for a in evaluate(model, val_loader))
            print(f"epoch {epoch} loss {loss_sum / len(loader):.3f} tasks {shares}")
        loss_sum = 0.0
    print(f"mean accuracy {sum(evaluate(model, val_loader)) / 3:.3f}")


if __name__ == "__main__":
    main()
