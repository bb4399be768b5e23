"""Bayesian MLP on the diabetes data: stochastic gradient Langevin dynamics, predictive intervals."""
import math

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim.optimizer import Optimizer, required
from torch.utils.data import DataLoader, TensorDataset

SEED = 11
BURN_IN = 150
EPOCHS = 450
THIN = 5


class SGLD(Optimizer):
    """Preconditioned Langevin steps on a *minibatch estimate of the full-data* negative log posterior."""

    def __init__(self, params, lr=required, prior_prec=1.0, alpha=0.99, eps=1e-3):
        super().__init__(params, dict(lr=lr, prior_prec=prior_prec, alpha=alpha, eps=eps))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            lr, prec = group["lr"], group["prior_prec"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["v"] = torch.ones_like(p)
                g = p.grad + prec * p
                n = group["n_data"]
                state["v"].mul_(group["alpha"]).addcmul_(g / n, g / n, value=1 - group["alpha"])
                precond = 1.0 / (state["v"].sqrt() + group["eps"]) / n
                p.add_(-0.5 * lr * precond * g + torch.randn_like(p) * (lr * precond).sqrt())


class Net(nn.Module):
    def __init__(self, d, h=40):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(d, h), nn.Tanh(), nn.Linear(h, 1))
        self.log_noise = nn.Parameter(torch.tensor(-0.3))

    def forward(self, x):
        return self.f(x).squeeze(-1)


def nll(net, x, y):
    mu = net(x)
    var = torch.exp(2 * net.log_noise)
    return 0.5 * ((y - mu) ** 2 / var + torch.log(var) + math.log(2 * math.pi))


def main():
    torch.manual_seed(SEED)
    X, y = load_diabetes(return_X_y=True)
    Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.25, random_state=SEED)
    mx, sx, my, sy = Xtr.mean(0), Xtr.std(0), ytr.mean(), ytr.std()
    as_t = lambda a: torch.as_tensor(a, dtype=torch.float32)  # noqa: E731
    xtr, xte = as_t((Xtr - mx) / sx), as_t((Xte - mx) / sx)
    ttr, tte = as_t((ytr - my) / sy), as_t((yte - my) / sy)

    net = Net(xtr.shape[1])
    n = len(xtr)
    weights = [p for name, p in net.named_parameters() if name != "log_noise"]
    opt = SGLD([{"params": weights, "prior_prec": 8.0},
                {"params": [net.log_noise], "prior_prec": 1.0, "lr": 2e-3}], lr=2e-2)
    for g in opt.param_groups:
        g["n_data"] = n
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda e: (1 + e / 60) ** -0.55)
    loader = DataLoader(TensorDataset(xtr, ttr), batch_size=64, shuffle=True)

    draws_mu, draws_sd = [], []
    for epoch in range(EPOCHS):
        tot = 0.0
        for xb, yb in loader:
            opt.zero_grad()
            loss = n * nll(net, xb, yb).mean()
            loss.backward()
            opt.step()
            tot += loss.item() / n
        sched.step()
        if epoch >= BURN_IN and epoch % THIN == 0:
            with torch.no_grad():
                draws_mu.append(net(xte))
                draws_sd.append(net.log_noise.exp().expand(len(xte)))
        if epoch % 50 == 0:
            print(f"epoch {epoch:4d}  energy/N {tot / len(loader):7.4f}  noise {net.log_noise.exp().item():.3f}"
                  f"  lr {opt.param_groups[0]['lr']:.4f}  kept {len(draws_mu)}")

    mu = torch.stack(draws_mu)
    sd = torch.stack(draws_sd)
    mean = mu.mean(0)
    total_sd = (mu.var(0) + (sd ** 2).mean(0)).sqrt()
    rmse = float(((mean - tte) ** 2).mean().sqrt()) * sy
    last = float(((mu[-1] - tte) ** 2).mean().sqrt()) * sy
    inside = ((tte - mean).abs() < 1.645 * total_sd).float().mean().item()
    comp = torch.distributions.Normal(mu, sd).log_prob(tte)
    lpd = (torch.logsumexp(comp, 0) - math.log(len(mu))).mean().item() - math.log(sy)
    ridge = Ridge(alpha=5.0).fit(xtr.numpy(), ytr)
    ridge_rmse = np.sqrt(np.mean((ridge.predict(xte.numpy()) - yte) ** 2))
    print(f"posterior mean of {len(mu)} draws: test RMSE {rmse:.2f} (one draw {last:.2f}, ridge {ridge_rmse:.2f})")
    print(f"90% interval covers {inside:.3f}, test log predictive density {lpd:.3f}")


if __name__ == "__main__":
    main()
