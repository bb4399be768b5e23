"""A hypernetwork that writes the weights of a small regressor for each of several functions."""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

SHAPES = {"w1": (24, 1), "b1": (24,), "w2": (24, 24), "b2": (24,), "w3": (1, 24), "b3": (1,)}
FAN_IN = {"w1": 1, "b1": 1, "w2": 24, "b2": 24, "w3": 24, "b3": 24}

FUNCTIONS = [
    lambda x: torch.sin(2 * x),
    lambda x: torch.cos(3 * x) * 0.8,
    lambda x: x.abs() - 0.8,
    lambda x: 0.5 * x ** 2 - 0.5,
    lambda x: torch.tanh(4 * x),
    lambda x: torch.exp(-4 * x ** 2),
]


class HyperNet(nn.Module):
    def __init__(self, n_tasks, emb=8, hidden=48):
        super().__init__()
        self.codes = nn.Embedding(n_tasks, emb)
        self.trunk = nn.Sequential(nn.Linear(emb, hidden), nn.ReLU())
        self.heads = nn.ModuleDict({k: nn.Linear(hidden, math.prod(s)) for k, s in SHAPES.items()})
        for k, head in self.heads.items():
            # small heads, with a bias that plays the part of an ordinary initialisation
            head.weight.data.mul_(0.2)
            bound = 1.0 / math.sqrt(FAN_IN[k])
            head.bias.data.uniform_(-bound, bound)

    def forward(self, task):
        h = self.trunk(self.codes(torch.tensor(task)))
        return {k: head(h).view(SHAPES[k]) for k, head in self.heads.items()}


def target_net(x, w):
    h = torch.tanh(F.linear(2 * x, w["w1"], w["b1"]))
    h = torch.tanh(F.linear(h, w["w2"], w["b2"]))
    return F.linear(h, w["w3"], w["b3"])


def points(fn, n, gen):
    x = torch.rand(n, 1, generator=gen) * 4 - 2
    return x, fn(x) + 0.02 * torch.randn(n, 1, generator=gen)


def main():
    torch.manual_seed(6)
    gen = torch.Generator().manual_seed(6)
    train = [points(f, 400, gen) for f in FUNCTIONS]
    test = [points(f, 200, gen) for f in FUNCTIONS]

    hyper = HyperNet(len(FUNCTIONS))
    opt = torch.optim.Adam(hyper.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.StepLR(opt, step_size=170, gamma=0.5)

    for step in range(1, 501):
        total = 0.0
        for task, (x, y) in enumerate(train):
            idx = torch.randint(len(x), (64,), generator=gen)
            loss = F.mse_loss(target_net(x[idx], hyper(task)), y[idx]) / len(train)
            loss.backward()
            total += loss.item()
        opt.step()
        sched.step()
        opt.zero_grad()
        if step % 100 == 0:
            print(f"step {step:4d}  mean mse {total:.4f}")

    hyper.eval()
    with torch.no_grad():
        for task, (x, y) in enumerate(test):
            pred = target_net(x, hyper(task))
            r2 = 1 - (pred - y).pow(2).sum() / (y - y.mean()).pow(2).sum()
            print(f"task {task}  held-out r2 {r2.item():.4f}")


if __name__ == "__main__":
    main()
