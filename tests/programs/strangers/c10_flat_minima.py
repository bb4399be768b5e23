# Sharpness-aware minimisation with centralised gradients, as one torch Optimizer.
# The training labels are 20 % wrong on purpose; the test labels are clean.
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.optim import Optimizer


class CentredSAM(Optimizer):
    """step(closure): closure(second) computes loss and gradients and returns the loss"""

    def __init__(self, params, lr=0.1, momentum=0.9, rho=0.05, weight_decay=5e-4):
        super().__init__(params, dict(lr=lr, momentum=momentum, rho=rho, weight_decay=weight_decay))

    def _each(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    yield group, p

    @torch.no_grad()
    def step(self, closure):
        with torch.enable_grad():
            first = closure(False)
        norm = torch.stack([p.grad.norm() for _, p in self._each()]).norm() + 1e-12
        for group, p in self._each():
            st = self.state[p]
            st["home"] = p.detach().clone()
            p.add_(p.grad, alpha=float(group["rho"] / norm))
        with torch.enable_grad():
            closure(True)
        for group, p in self._each():
            st = self.state[p]
            p.copy_(st.pop("home"))
            g = p.grad
            if p.ndim > 1:
                g = g - g.mean(dim=tuple(range(1, p.ndim)), keepdim=True)
                g = g.add(p, alpha=group["weight_decay"])
            buf = st.setdefault("velocity", torch.zeros_like(p))
            buf.mul_(group["momentum"]).add_(g)
            p.add_(buf, alpha=-group["lr"])
        return first


class QuietStats:
    """inside the block batch norm still normalises by the batch but leaves its running statistics alone"""

    def __init__(self, net, on):
        self.layers = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)] if on else []

    def __enter__(self):
        self.saved = [m.momentum for m in self.layers]
        for m in self.layers:
            m.momentum = 0.0

    def __exit__(self, *exc):
        for m, v in zip(self.layers, self.saved):
            m.momentum = v


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.c2, self.b2 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        nn.init.zeros_(self.b2.weight)

    def forward(self, x):
        return F.relu(x + self.b2(self.c2(F.relu(self.b1(self.c1(x))))))


def build(c=16):
    return nn.Sequential(nn.Conv2d(1, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU(),
                         Block(c), nn.MaxPool2d(2), Block(c), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                         nn.Linear(4 * c, 10))


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    return (net(x).argmax(1) == y).float().mean().item()


torch.manual_seed(8)
X, Y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 8 - 1
Y = torch.tensor(Y)
xtr, xte, ytr, yte = train_test_split(X, Y, test_size=0.3, random_state=8, stratify=Y)
noisy = ytr.clone()
flip = torch.rand(len(noisy)) < 0.2
noisy[flip] = (noisy[flip] + torch.randint(1, 10, (int(flip.sum()),))) % 10

net = build()
EPOCHS, BS, LR = 10, 64, 0.08
opt = CentredSAM(net.parameters(), lr=LR, rho=0.1)
n_batches = len(xtr) // BS
k, total = 0, EPOCHS * n_batches

for epoch in range(EPOCHS):
    net.train()
    running = 0.0
    for idx in torch.randperm(len(xtr))[: n_batches * BS].split(BS):
        k += 1
        for g in opt.param_groups:
            g["lr"] = LR * min(1.0, k / 20, (total - k + 1) / (0.7 * total))
        xb, yb = xtr[idx], noisy[idx]

        def closure(second):
            with QuietStats(net, second):
                opt.zero_grad()
                loss = F.cross_entropy(net(xb), yb, label_smoothing=0.1)
            loss.backward()
            return loss

        running += opt.step(closure).item() / n_batches
    print(f"epoch {epoch:2d}  loss {running:.4f}  fit to given labels {accuracy(net, xtr, noisy):.4f}  "
          f"test acc {accuracy(net, xte, yte):.4f}")

print(f"final test accuracy {accuracy(net, xte, yte):.4f} (wrong training labels: {flip.float().mean():.2f})")
