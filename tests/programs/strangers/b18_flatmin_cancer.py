"""Sharpness-aware minimisation, written out by hand, on the breast cancer table."""
import torch
from torch import nn
from torch.optim import Optimizer
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler


class SharpAware(Optimizer):
    """w -> w + rho * g/|g|, gradient there, back to w, then momentum SGD with that gradient."""

    def __init__(self, params, lr, rho=0.05, momentum=0.9, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, rho=rho, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def climb(self):
        grads = [p.grad for g in self.param_groups for p in g["params"] if p.grad is not None]
        norm = torch.norm(torch.stack([gr.norm() for gr in grads])) + 1e-12
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                delta = p.grad * (group["rho"] / norm)
                p.add_(delta)
                self.state[p]["delta"] = delta
        self.zero_grad()

    @torch.no_grad()
    def descend(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                st = self.state[p]
                p.sub_(st.pop("delta"))
                g = p.grad.add(p, alpha=group["weight_decay"])
                buf = st.setdefault("buf", torch.zeros_like(p))
                buf.mul_(group["momentum"]).add_(g)
                p.add_(buf, alpha=-group["lr"])
        self.zero_grad()

    def step(self, closure):
        loss = torch.enable_grad()(closure)()
        self.climb()
        torch.enable_grad()(closure)()
        self.descend()
        return loss


def prepare(seed):
    X, y = load_breast_cancer(return_X_y=True)
    tr, te = next(StratifiedShuffleSplit(1, test_size=0.3, random_state=seed).split(X, y))
    scaler = StandardScaler().fit(X[tr])
    as_t = lambda a: torch.tensor(a, dtype=torch.float32)
    return as_t(scaler.transform(X[tr])), as_t(y[tr]), as_t(scaler.transform(X[te])), as_t(y[te])


if __name__ == "__main__":
    torch.manual_seed(21)
    x, y, x_test, y_test = prepare(21)
    net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    bce = nn.BCEWithLogitsLoss()
    opt = SharpAware(net.parameters(), lr=0.02, rho=0.1, weight_decay=1e-3)

    for epoch in range(1, 26):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(32):
            xb, yb = x[idx], y[idx]

            def closure():
                out = bce(net(xb), yb)
                out.backward()
                return out

            total += opt.step(closure).item() * len(idx)
        if epoch % 5 == 0:
            print(f"epoch {epoch:2d}  bce {total / len(x):.4f}")

    net.eval()
    with torch.no_grad():
        p = net(x_test) > 0
        acc = (p == y_test.bool()).float().mean().item()
        recall = (p & y_test.bool()).sum().item() / y_test.sum().item()
    print(f"test accuracy {acc:.4f}  recall {recall:.4f}")
