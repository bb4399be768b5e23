"""Bayes by backprop (local reparameterisation) on the breast-cancer table: accuracy, calibration, unknown inputs."""
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class BayesLinear(nn.Module):
    """Mean-field Gaussian weights; the activations are sampled, never the weights. Always stochastic."""

    def __init__(self, i, o, prior_sd=0.5):
        super().__init__()
        self.mu = nn.Parameter(torch.randn(o, i) / math.sqrt(i))
        self.rho = nn.Parameter(torch.full((o, i), -4.0))
        self.bias = nn.Parameter(torch.zeros(o))
        self.prior_sd = prior_sd

    def sigma(self):
        return F.softplus(self.rho)

    def forward(self, x):
        mean = F.linear(x, self.mu, self.bias)
        var = F.linear(x.square(), self.sigma().square())
        return mean + (var + 1e-8).sqrt() * torch.randn_like(mean)

    def kl(self):
        s, p = self.sigma(), self.prior_sd
        return (torch.log(p / s) + (s.square() + self.mu.square()) / (2 * p * p) - 0.5).sum()


class BayesNet(nn.Module):
    def __init__(self, d, h=24):
        super().__init__()
        self.a = BayesLinear(d, h)
        self.b = BayesLinear(h, h)
        self.c = BayesLinear(h, 2)

    def forward(self, x):
        return self.c(F.relu(self.b(F.relu(self.a(x)))))

    def kl(self):
        return sum(m.kl() for m in self.modules() if isinstance(m, BayesLinear))


@torch.no_grad()
def predictive(net, x, draws=100):
    return torch.stack([net(x).softmax(-1) for _ in range(draws)])


def entropy(p):
    return -(p * p.clamp_min(1e-12).log()).sum(-1)


def expected_calibration_error(p, y, bins=10):
    conf, guess = p.max(-1)
    right = (guess == y).float()
    which = (conf * bins).long().clamp(max=bins - 1)
    err = 0.0
    for b in range(bins):
        m = which == b
        if m.any():
            err += m.float().mean().item() * abs(conf[m].mean().item() - right[m].mean().item())
    return err


def report(net, x, y, tag):
    p = predictive(net, x)
    mean = p.mean(0)
    nll = F.nll_loss(mean.clamp_min(1e-12).log(), y).item()
    acc = (mean.argmax(-1) == y).float().mean().item()
    total = entropy(mean)
    mutual = total - entropy(p).mean(0)
    print(f"{tag:<14} acc {acc:.4f}  nll {nll:.4f}  ece {expected_calibration_error(mean, y):.4f}"
          f"  entropy {total.mean():.4f}  mutual information {mutual.mean():.4f}")
    return mutual


def main():
    torch.manual_seed(21)
    X, y = load_breast_cancer(return_X_y=True)
    Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.3, stratify=y, random_state=21)
    scale = StandardScaler().fit(Xtr)
    xtr, xte = (torch.tensor(scale.transform(a), dtype=torch.float32) for a in (Xtr, Xte))
    ytr, yte = torch.tensor(ytr), torch.tensor(yte)
    n = len(xtr)

    net = BayesNet(xtr.shape[1])
    rho = [p for name, p in net.named_parameters() if name.endswith("rho")]
    other = [p for name, p in net.named_parameters() if not name.endswith("rho")]
    opt = torch.optim.Adam([{"params": other, "lr": 3e-3}, {"params": rho, "lr": 2e-2}])
    loader = DataLoader(TensorDataset(xtr, ytr), batch_size=50, shuffle=True)
    epochs, anneal = 160, 40
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        temper = min(1.0, (epoch + 1) / anneal)
        bound = 0.0
        for xb, yb in loader:
            data_term = F.cross_entropy(net(xb), yb, reduction="sum") * (n / len(xb))
            kl = net.kl()
            loss = data_term + temper * kl
            opt.zero_grad()
            loss.backward()
            opt.step()
            bound += (data_term + kl).item() / len(loader)
        sched.step()
        if epoch % 20 == 19:
            sd = torch.cat([net.a.sigma().flatten(), net.b.sigma().flatten()]).mean().item()
            print(f"epoch {epoch + 1:3d}  negative ELBO {bound:8.1f}  KL {kl.item():7.1f}  temper {temper:.2f}  mean sd {sd:.3f}")

    report(net, xtr, ytr, "train")
    known = report(net, xte, yte, "test")
    far = xte[torch.randperm(len(xte))].flip(1) * 3.0
    p = predictive(net, far)
    strange = entropy(p.mean(0)) - entropy(p).mean(0)
    pairs = (strange[:, None] > known[None]).float().mean().item()
    print(f"shuffled inputs: mutual information {strange.mean():.4f}; ranked above test inputs in {100 * pairs:.1f} % of pairs")


if __name__ == "__main__":
    main()
