"""Embeddings for hand-drawn glyphs; retrieval among glyphs that were never trained on."""
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Cfg:
    seen: int = 60
    unseen: int = 25
    per_class: int = 20
    p: int = 12            # classes in a batch
    k: int = 4             # drawings of each
    tau: float = 0.1
    iters: int = 260
    lr: float = 2e-3
    seed: int = 0


def draw(strokes, rng, size=20):
    """Rasterise jittered polylines: brightness falls off with the distance to the nearest segment."""
    ang = rng.normal(0, 0.30)
    rot = np.array([[np.cos(ang), -np.sin(ang)], [np.sin(ang), np.cos(ang)]]) * rng.uniform(0.7, 1.15)
    pts = (strokes + rng.normal(0, 0.07, strokes.shape)) @ rot.T + rng.normal(0, 0.18, 2)
    g = np.linspace(-1.2, 1.2, size)
    grid = np.stack(np.meshgrid(g, g), -1).reshape(-1, 1, 2)
    a, b = pts[:, :-1].reshape(1, -1, 2), pts[:, 1:].reshape(1, -1, 2)
    t = np.clip(((grid - a) * (b - a)).sum(-1) / (((b - a) ** 2).sum(-1) + 1e-9), 0, 1)
    d = np.linalg.norm(grid - (a + t[..., None] * (b - a)), axis=-1).min(1)
    img = np.exp(-(d / 0.10) ** 2) + rng.normal(0, 0.08, d.shape)
    return img.reshape(1, size, size).astype(np.float32)


def make_alphabet(n, per_class, rng):
    xs, ys = [], []
    for c in range(n):
        strokes = rng.uniform(-0.9, 0.9, size=(2, 4, 2))
        for _ in range(per_class):
            xs.append(draw(strokes, rng))
            ys.append(c)
    return torch.from_numpy(np.stack(xs)), torch.tensor(ys)


class Encoder(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        layers, cin = [], 1
        for cout in (24, 48, 64):
            layers += [nn.Conv2d(cin, cout, 3, padding=1), nn.GroupNorm(4, cout), nn.ReLU(), nn.MaxPool2d(2)]
            cin = cout
        self.features = nn.Sequential(*layers)
        self.project = nn.Linear(64 * 4, dim)

    def forward(self, x):
        return F.normalize(self.project(self.features(x).flatten(1)))


def supervised_contrastive(emb, y, tau):
    """Every other drawing of the same glyph is a positive, all the rest of the batch competes."""
    me = torch.eye(len(y), dtype=torch.bool)
    sim = (emb @ emb.T / tau).masked_fill(me, -1e9)
    log_p = sim - sim.logsumexp(1, keepdim=True)
    positive = (y[:, None] == y[None, :]) & ~me
    return -(log_p * positive).sum(1).div(positive.sum(1)).mean()


@torch.no_grad()
def recall_at(features, y, ks=(1, 5)):
    sim = features @ features.T
    sim.fill_diagonal_(-float("inf"))
    order = sim.topk(max(ks), dim=1).indices
    hit = y[order] == y[:, None]
    return [hit[:, :k].any(1).float().mean().item() for k in ks]


def run(cfg):
    rng = np.random.default_rng(cfg.seed)
    torch.manual_seed(cfg.seed)
    x, y = make_alphabet(cfg.seen, cfg.per_class, rng)
    x_new, y_new = make_alphabet(cfg.unseen, cfg.per_class, rng)
    by_class = [torch.where(y == c)[0] for c in range(cfg.seen)]

    enc = Encoder()
    opt = torch.optim.Adam(enc.parameters(), lr=cfg.lr)

    raw = F.normalize(x_new.flatten(1))
    r1, r5 = recall_at(raw, y_new)
    print(f"pixels            recall@1 {r1:.3f}  recall@5 {r5:.3f}   (unseen glyphs)")

    for it in range(1, cfg.iters + 1):
        classes = torch.randperm(cfg.seen)[:cfg.p]
        idx = torch.cat([by_class[c][torch.randperm(cfg.per_class)[:cfg.k]] for c in classes])
        loss = supervised_contrastive(enc(x[idx]), y[idx], cfg.tau)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()

        if it % 65 == 0:
            enc.eval()
            with torch.no_grad():
                e = enc(x_new)
            r1, r5 = recall_at(e, y_new)
            enc.train()
            print(f"iter {it:4d}  loss {loss.item():.3f}  recall@1 {r1:.3f}  recall@5 {r5:.3f}   (unseen glyphs)")
    return enc


if __name__ == "__main__":
    run(Cfg())
