"""Cox proportional hazards with a small neural risk function.

Simulated relapse times (Weibull baseline, non-linear risk, ~40 % censored). The
partial likelihood couples all patients, so every step is full batch, and the
optimiser is L-BFGS with a line search. train() is called once per value on a
penalty grid and per fold, then once more on all development patients.
"""
import numpy as np
import torch
from torch import nn

DTYPE = torch.float64


def simulate(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 8))
    risk = 1.2 * np.sin(1.5 * x[:, 0]) + 0.8 * x[:, 1] * x[:, 2] + 0.7 * np.abs(x[:, 3]) - 0.5 * x[:, 4]
    t = (rng.exponential(size=n) / (0.05 * np.exp(risk))) ** (1 / 1.4)
    c = rng.exponential(scale=np.quantile(t, 0.75), size=n)
    return (torch.tensor(x, dtype=DTYPE), torch.tensor(np.minimum(t, c), dtype=DTYPE),
            torch.tensor(t <= c), torch.tensor(risk, dtype=DTYPE))


def partial_nll(eta, time, event):
    # largest time first: the risk set of the i-th patient is then everybody up to i
    order = torch.argsort(time, descending=True)
    eta, event = eta[order], event[order]
    log_risk = torch.logcumsumexp(eta, dim=0)
    return -(eta - log_risk)[event].sum() / event.sum()


def concordance(eta, time, event):
    earlier = (time[:, None] < time[None, :]) & event[:, None]
    diff = eta[:, None] - eta[None, :]
    good = (diff > 0).double() + 0.5 * (diff == 0).double()
    return (good * earlier).sum().item() / earlier.sum().item()


class Risk(nn.Module):
    def __init__(self, d, h=20):
        super().__init__()
        self.l1 = nn.Linear(d, h)
        self.l2 = nn.Linear(h, h)
        # no bias: a constant added to every risk cancels in the partial likelihood
        self.l3 = nn.Linear(h, 1, bias=False)

    def forward(self, x):
        return self.l3(torch.tanh(self.l2(torch.tanh(self.l1(x))))).squeeze(1)


def train(x, time, event, penalty, seed, rounds=8, verbose=False):
    torch.manual_seed(seed)
    net = Risk(x.shape[1]).to(DTYPE)
    opt = torch.optim.LBFGS(net.parameters(), lr=1.0, max_iter=15, history_size=20,
                            line_search_fn="strong_wolfe")
    calls = 0

    def closure():
        nonlocal calls
        calls += 1
        opt.zero_grad()
        weights = sum((p ** 2).sum() for n, p in net.named_parameters() if n.endswith("weight"))
        loss = partial_nll(net(x), time, event) + penalty * weights
        loss.backward()
        return loss

    for r in range(rounds):
        loss = opt.step(closure)
        if verbose:
            print(f"  round {r}  objective {loss.item():.5f}  ({calls} evaluations so far)")
    return net.eval()


def score(net, x, time, event):
    with torch.no_grad():
        return concordance(net(x), time, event)


def main():
    x, time, event, _ = simulate(900, seed=0)
    xt, tt, et, true_risk = simulate(1200, seed=1)
    print(f"events: {event.double().mean():.2f} of development, {et.double().mean():.2f} of test")

    folds = torch.arange(len(x)) % 3
    grid = [1e-3, 3e-3, 1e-2, 2e-2, 4e-2]
    table = {}
    for penalty in grid:
        cs = []
        for k in range(3):
            a, b = folds != k, folds == k
            net = train(x[a], time[a], event[a], penalty, seed=k, rounds=6)
            cs.append(score(net, x[b], time[b], event[b]))
        table[penalty] = float(np.mean(cs))
        print(f"penalty {penalty:g}: C-index by fold {[round(c, 4) for c in cs]} mean {table[penalty]:.4f}")
    best = max(table, key=table.get)

    net = train(x, time, event, best, seed=10, rounds=8, verbose=True)
    torch.manual_seed(0)
    fresh = Risk(x.shape[1]).to(DTYPE)
    print(f"chosen penalty {best:g}")
    print(f"test C-index: untrained {score(fresh, xt, tt, et):.4f}  "
          f"model {score(net, xt, tt, et):.4f}  true risk {concordance(true_risk, tt, et):.4f}")


if __name__ == "__main__":
    main()
