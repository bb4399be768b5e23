"""Regression with an error bar: mean and log-variance heads, dropout sampled at test time."""
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def simulate(n, seed):
    r = np.random.default_rng(seed)
    x = r.uniform(-2, 2, (n, 4))
    f = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2]
    noise = 0.05 + 0.60 / (1 + np.exp(-3 * x[:, 3]))
    y = f + noise * r.normal(size=n)
    return x.astype(np.float32), y.astype(np.float32)[:, None], noise


class TwoHeads(nn.Module):
    def __init__(self, d, width=96, p=0.05):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(d, width), nn.Tanh(), nn.Dropout(p),
            nn.Linear(width, width), nn.ReLU(), nn.Dropout(p),
        )
        self.mean = nn.Linear(width, 1)
        self.logvar = nn.Linear(width, 1)
        nn.init.zeros_(self.logvar.weight)
        nn.init.zeros_(self.logvar.bias)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h), self.logvar(h).clamp(-8, 4)


def nll(mu, s, y, warm):
    if warm:
        return (mu - y).pow(2).mean() + 0.0 * s.sum()
    return 0.5 * (s + (mu - y).pow(2) * torch.exp(-s)).mean()


def sampling_mode(net):
    """Everything in eval except the dropout layers."""
    net.eval()
    for m in net.modules():
        if isinstance(m, nn.Dropout):
            m.train()
    return net


@torch.no_grad()
def predict(net, x, draws):
    sampling_mode(net)
    mus, variances = [], []
    for _ in range(draws):
        m, s = net(x)
        mus.append(m)
        variances.append(s.exp())
    mus = torch.stack(mus)
    return mus.mean(0), (torch.stack(variances).mean(0) + mus.var(0)).sqrt()


def main(argv=None):
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=32)
    p.add_argument("--warm", type=int, default=8)
    p.add_argument("--draws", type=int, default=40)
    a = p.parse_args(argv)
    torch.manual_seed(0)

    x, y, _ = simulate(2500, 1)
    xt, yt, sigma = simulate(500, 2)
    scale = x.std(0)
    loader = DataLoader(TensorDataset(torch.tensor(x / scale), torch.tensor(y)), batch_size=50, shuffle=True)
    xt, yt = torch.tensor(xt / scale), torch.tensor(yt)

    net = TwoHeads(4)
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda e: 1.0 if e < 16 else 0.85 ** (e - 16))
    for epoch in range(a.epochs):
        net.train()
        acc = 0.0
        for xb, yb in loader:
            mu, s = net(xb)
            loss = nll(mu, s, yb, warm=epoch < a.warm)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            opt.step()
            acc += loss.item() * len(xb)
        sched.step()
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1:2d} {'mse' if epoch < a.warm else 'nll'} {acc / len(loader.dataset):+.4f}")

    mu, sd = predict(net, xt, a.draws)
    r2 = 1 - ((mu - yt) ** 2).sum() / ((yt - yt.mean()) ** 2).sum()
    inside = ((mu - yt).abs() < 2 * sd).float().mean()
    corr = np.corrcoef(sd.squeeze(1).numpy(), sigma)[0, 1]
    print(f"R2 {r2:.4f}  2-sigma coverage {inside:.3f}  corr(sd, true noise) {corr:.2f}")


if __name__ == "__main__":
    main()
