"""Elastic weight consolidation on permuted digits, against plain fine-tuning."""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.func import functional_call, grad, vmap

N_TASKS, EPOCHS, BATCH = 4, 12, 32


class Net(nn.Module):
    def __init__(self, hidden=128):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                               nn.Linear(hidden, 10))

    def forward(self, x):
        return self.f(x)


class Consolidator(nn.Module):
    """Keeps the running Fisher diagonal and the anchor of every parameter as buffers, under a flat name."""

    def __init__(self, net, strength):
        super().__init__()
        self.strength = strength
        self.names = [n for n, _ in net.named_parameters()]
        for n, p in net.named_parameters():
            self.register_buffer(self._key("fisher", n), torch.zeros_like(p))
            self.register_buffer(self._key("anchor", n), p.detach().clone())

    @staticmethod
    def _key(kind, name):
        return f"{kind}__{name.replace('.', '__')}"

    def penalty(self, net):
        total = 0.0
        for n, p in net.named_parameters():
            fisher, anchor = getattr(self, self._key("fisher", n)), getattr(self, self._key("anchor", n))
            total = total + (fisher * (p - anchor).square()).sum()
        return 0.5 * self.strength * total

    def absorb(self, net, x, gen):
        """Adds the Fisher diagonal at the present weights, with labels drawn from the model's own predictions."""
        params = {k: v.detach() for k, v in net.named_parameters()}
        with torch.no_grad():
            y = torch.multinomial(net(x).softmax(-1), 1, generator=gen).squeeze(1)

        def nll(p, xi, yi):
            return F.cross_entropy(functional_call(net, p, (xi[None],)), yi[None])

        per_example = vmap(grad(nll), in_dims=(None, 0, 0))
        sums = {k: torch.zeros_like(v) for k, v in params.items()}
        for xb, yb in zip(x.split(128), y.split(128)):
            for k, g in per_example(params, xb, yb).items():
                sums[k] += g.square().sum(0)
        for k, p in params.items():
            getattr(self, self._key("fisher", k)).add_(sums[k] / len(x))
            getattr(self, self._key("anchor", k)).copy_(p)


def make_tasks(seed):
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X / 8.0 - 0.6, dtype=torch.float32)
    xtr, xte, ytr, yte = train_test_split(X, torch.tensor(y), test_size=0.3, stratify=y, random_state=seed)
    gen = torch.Generator().manual_seed(seed)
    perms = [torch.arange(64)] + [torch.randperm(64, generator=gen) for _ in range(N_TASKS - 1)]
    return [(xtr[:, p], ytr, xte[:, p], yte) for p in perms]


@torch.no_grad()
def accuracies(net, tasks):
    return [(net(x).argmax(1) == y).float().mean().item() for _, _, x, y in tasks]


def learn_sequence(tasks, strength, seed, verbose=True):
    torch.manual_seed(seed)
    gen = torch.Generator().manual_seed(seed)
    net = Net()
    keeper = Consolidator(net, strength)
    history = []
    for t, (x, y, _, _) in enumerate(tasks):
        opt = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.8)
        first = last = None
        for epoch in range(EPOCHS):
            for idx in torch.randperm(len(x)).split(BATCH):
                ce = F.cross_entropy(net(x[idx]), y[idx])
                loss = ce + keeper.penalty(net)
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), 2.0)
                opt.step()
                first = ce.item() if first is None else first
                last = ce.item()
        with torch.no_grad():
            drift = float(keeper.penalty(net))
        keeper.absorb(net, x, gen)
        acc = accuracies(net, tasks[:t + 1])
        history.append(acc)
        if verbose:
            print(f"  task {t}: cross-entropy {first:.2f} -> {last:.3f}, penalty {drift:.3f}   "
                  + " ".join(f"{a:.3f}" for a in acc))
    mean = sum(history[-1]) / N_TASKS
    forgotten = sum(history[i][i] - history[-1][i] for i in range(N_TASKS - 1)) / (N_TASKS - 1)
    return mean, forgotten


def main():
    tasks = make_tasks(seed=17)
    rows = []
    for name, strength in (("fine-tuning", 0.0), ("EWC", 150.0)):
        print(name)
        rows.append((name, *learn_sequence(tasks, strength, seed=17)))
    for name, mean, forgotten in rows:
        print(f"{name:12s} mean accuracy over the {N_TASKS} tasks at the end {mean:.4f}, forgetting {forgotten:.4f}")


if __name__ == "__main__":
    main()
