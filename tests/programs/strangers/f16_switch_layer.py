"""Switch-style mixture of experts for regression on data with hidden regimes."""
from __future__ import annotations

import time
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Config:
    d_in: int = 10
    regimes: int = 6
    experts: int = 6
    hidden: int = 8
    n_train: int = 4000
    n_test: int = 2000
    batch: int = 100
    epochs: int = 30
    lr: float = 5e-3
    balance: float = 0.02
    jitter: float = 0.02
    seed: int = 14


class Regimes:
    """Each regime is a cone of directions in the first four inputs and has its own response."""

    def __init__(self, cfg: Config):
        g = torch.Generator().manual_seed(cfg.seed)
        self.g, self.cfg = g, cfg
        self.axes = F.normalize(torch.randn(cfg.regimes, 4, generator=g), dim=1)
        self.w1 = torch.randn(cfg.regimes, cfg.d_in, generator=g) * 0.7
        self.w2 = torch.randn(cfg.regimes, cfg.d_in, generator=g) * 0.7

    def draw(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.randn(n, self.cfg.d_in, generator=self.g)
        k = (x[:, :4] @ self.axes.T).argmax(1)
        y = (x * self.w1[k]).sum(1) + torch.tanh((x * self.w2[k]).sum(1))
        return x, (y + 0.1 * torch.randn(n, generator=self.g)).unsqueeze(1), k


class Expert(nn.Module):
    def __init__(self, d_in: int, hidden: int):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d_in, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class SwitchLayer(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.jitter = cfg.jitter
        self.router = nn.Linear(cfg.d_in, cfg.experts)
        self.experts = nn.ModuleList(Expert(cfg.d_in, cfg.hidden) for _ in range(cfg.experts))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        routed = x
        if self.training and self.jitter:
            routed = x * (1 + self.jitter * (2 * torch.rand_like(x) - 1))
        probs = F.softmax(self.router(routed), dim=-1)
        choice = probs.argmax(dim=-1)
        out = x.new_zeros(len(x), 1)
        share = torch.zeros(len(self.experts))
        for e, expert in enumerate(self.experts):
            rows = torch.nonzero(choice == e).squeeze(1)
            share[e] = len(rows) / len(x)
            if len(rows):
                out = out.index_add(0, rows, expert(x[rows]))
        # load balance: fraction of rows per expert times its mean probability
        aux = len(self.experts) * (share * probs.mean(0)).sum()
        return out, aux, choice


class Model(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.shared = nn.Linear(cfg.d_in, 1)
        self.moe = SwitchLayer(cfg)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, aux, choice = self.moe(x)
        return self.shared(x) + y, aux, choice


@torch.no_grad()
def evaluate(model: Model, x: Tensor, y: Tensor, k: Tensor) -> tuple[float, list[int], float]:
    model.eval()
    pred, _, choice = model(x)
    r2 = 1 - ((pred - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    table = torch.zeros(model.moe.router.out_features, int(k.max()) + 1)
    table.index_put_((choice, k), torch.ones(len(k)), accumulate=True)
    purity = table.max(1).values.sum() / len(k)
    return r2.item(), table.sum(1).int().tolist(), purity.item()


def main() -> None:
    cfg = Config()
    torch.manual_seed(cfg.seed)
    source = Regimes(cfg)
    x, y, _ = source.draw(cfg.n_train)
    xt, yt, kt = source.draw(cfg.n_test)
    model = Model(cfg)
    opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg.epochs, eta_min=cfg.lr / 50)
    start = time.time()
    for epoch in range(cfg.epochs):
        model.train()
        mse_sum = aux_sum = 0.0
        for idx in torch.randperm(len(x)).split(cfg.batch):
            pred, aux, _ = model(x[idx])
            mse = F.mse_loss(pred, y[idx])
            loss = mse + cfg.balance * aux
            opt.zero_grad()
            loss.backward()
            opt.step()
            mse_sum += mse.item() * len(idx)
            aux_sum += aux.item() * len(idx)
        sched.step()
        if epoch % 5 == 4:
            r2, load, purity = evaluate(model, xt, yt, kt)
            print(f"epoch {epoch + 1:3d}  mse {mse_sum / len(x):.4f}  balance {aux_sum / len(x):.3f}  test R2 {r2:.4f}  "
                  f"load {load}  purity {purity:.2f}  {time.time() - start:.1f}s")


if __name__ == "__main__":
    main()
