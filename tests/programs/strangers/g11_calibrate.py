"""
Post-hoc calibration of a triage classifier.

Three outcomes (discharge, ward, intensive care). The network is trained to the end on purpose, which makes it
over-confident; one temperature and, for comparison, a full affine map are then fitted on separate patients.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(5)
gen = np.random.default_rng(5)
K = 3


def patients(n, d=16):
    x = gen.normal(size=(n, d))
    s = 1.3 * x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.8 * x[:, 3]
    r = 1.2 * np.abs(x[:, 4]) + 0.9 * x[:, 5] - 0.7 * x[:, 3]
    logits = np.stack([0.8 + 0 * s, s, r - 1.0], axis=1)
    g = gen.gumbel(size=logits.shape)
    y = (logits + g).argmax(1)
    p = np.exp(logits - logits.max(1, keepdims=True))
    return (torch.tensor(x, dtype=torch.float32), torch.tensor(y),
            torch.tensor(p / p.sum(1, keepdims=True), dtype=torch.float32))


def ece(prob, y, bins=15):
    """Expected calibration error of the top label, bins of equal mass."""
    conf, pred = prob.max(1)
    right = (pred == y).float()
    order = conf.argsort()
    total = 0.0
    for chunk in order.chunk(bins):
        total += len(chunk) / len(y) * (conf[chunk].mean() - right[chunk].mean()).abs()
    return float(total)


def report(name, logits, y, truth):
    prob = logits.softmax(1)
    print(f"{name:22s} acc {(prob.argmax(1) == y).float().mean():.3f}  NLL {F.cross_entropy(logits, y):.4f}  "
          f"ECE {ece(prob, y):.4f}  distance to true risk {(prob - truth).abs().mean():.4f}")


x_fit, y_fit, _ = patients(5000)
x_cal, y_cal, _ = patients(1000)
x_test, y_test, p_test = patients(4000)

net = nn.Sequential(
    nn.Linear(16, 64), nn.ReLU(),
    nn.Linear(64, 64), nn.ReLU(),
    nn.Linear(64, K),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=2e-4)

for epoch in range(24):
    for rows in torch.randperm(len(x_fit)).split(64):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x_fit[rows]), y_fit[rows])
        loss.backward()
        optimizer.step()
    if epoch % 6 == 5:
        with torch.no_grad():
            fit_loss = F.cross_entropy(net(x_fit), y_fit).item()
            cal_loss = F.cross_entropy(net(x_cal), y_cal).item()
        print(f"epoch {epoch + 1:3d}  fit NLL {fit_loss:.4f}  other patients {cal_loss:.4f}")

# ---- the network is frozen from here on -------------------------------------------------------
net.requires_grad_(False)
z_cal, z_test = net(x_cal), net(x_test)


class Temperature(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_t = nn.Parameter(torch.zeros(()))

    def forward(self, z):
        return z / self.log_t.exp()


class MatrixScaling(nn.Module):
    """Affine map of the logits, pulled towards the identity off the diagonal."""

    def __init__(self, k, ridge=0.01):
        super().__init__()
        self.w = nn.Parameter(torch.eye(k))
        self.b = nn.Parameter(torch.zeros(k))
        self.ridge = ridge

    def forward(self, z):
        return z @ self.w.T + self.b

    def penalty(self):
        off = self.w - torch.diag(torch.diag(self.w))
        return self.ridge * (off.pow(2).sum() + self.b.pow(2).sum())


def calibrate(mapping, steps=60):
    lbfgs = torch.optim.LBFGS(mapping.parameters(), lr=0.2, max_iter=steps, line_search_fn="strong_wolfe")

    def closure():
        lbfgs.zero_grad()
        value = F.cross_entropy(mapping(z_cal), y_cal)
        if hasattr(mapping, "penalty"):
            value = value + mapping.penalty()
        value.backward()
        return value

    before = closure().item()
    lbfgs.step(closure)
    with torch.no_grad():
        after = F.cross_entropy(mapping(z_cal), y_cal).item()
    print(f"{type(mapping).__name__}: NLL on the calibration patients {before:.4f} -> {after:.4f}")
    return mapping.requires_grad_(False)


temperature = calibrate(Temperature())
matrix = calibrate(MatrixScaling(K))
print(f"temperature {temperature.log_t.exp():.3f}")

report("uncalibrated", z_test, y_test, p_test)
report("temperature", temperature(z_test), y_test, p_test)
report("matrix", matrix(z_test), y_test, p_test)
base = torch.bincount(y_cal, minlength=K).float().div(len(y_cal)).log().expand(len(y_test), K)
report("base rates only", base, y_test, p_test)
report("true risk", p_test.log(), y_test, p_test)
