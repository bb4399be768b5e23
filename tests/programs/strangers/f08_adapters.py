"""Pretrain a small patch transformer on upright digits, then adapt it to rotated ones with LoRA only."""
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class LoRALinear(nn.Module):
    def __init__(self, base: nn.Linear, rank: int = 4, alpha: float = 8.0):
        super().__init__()
        self.base = base
        self.A = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features ** 0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.A.T) @ self.B.T

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        out = copy.deepcopy(self.base)
        out.weight += self.scale * self.B @ self.A
        return out


class Layer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))
        self.up, self.down = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)

    def forward(self, x):
        b, t, d = x.shape
        h = self.n1(x)
        q, k, v = (f(h).view(b, t, self.heads, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        a = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)
        x = x + self.o(a)
        return x + self.down(F.gelu(self.up(self.n2(x))))


class PatchFormer(nn.Module):
    def __init__(self, dim=48, depth=2, heads=4):
        super().__init__()
        self.embed = nn.Linear(4, dim)
        self.pos = nn.Parameter(0.1 * torch.randn(1, 16, dim))
        self.layers = nn.ModuleList([Layer(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 10)

    def forward(self, img):
        x = F.unfold(img, 2, stride=2).transpose(1, 2)
        x = self.embed(x) + self.pos
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x.mean(1)))


def inject(model, names=("q", "v", "up", "down"), rank=4):
    model.requires_grad_(False)
    for layer in model.layers:
        for n in names:
            setattr(layer, n, LoRALinear(getattr(layer, n), rank))
    return model


def merge(model):
    for layer in model.layers:
        for n, m in list(layer.named_children()):
            if isinstance(m, LoRALinear):
                setattr(layer, n, m.merged())
    return model


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def fit(model, x, y, params, lr, epochs, batch, tag):
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    steps = epochs * ((len(x) + batch - 1) // batch)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=lr, total_steps=steps, pct_start=0.1)
    for ep in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item() * len(idx)
        if ep % 4 == 3:
            print(f"  [{tag}] epoch {ep + 1:2d} loss {total / len(x):.4f}")


def main():
    torch.manual_seed(8)
    d = load_digits()
    x = torch.tensor(d.images / 16, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(d.target)
    tr, te = train_test_split(range(len(x)), test_size=0.3, stratify=d.target, random_state=3)
    xtr, ytr, xte, yte = x[tr], y[tr], x[te], y[te]
    rot_tr, rot_te = xtr.rot90(1, (2, 3)), xte.rot90(1, (2, 3))

    model = PatchFormer()
    fit(model, xtr, ytr, model.parameters(), 4e-3, 16, 64, "pretrain")
    print(f"upright {accuracy(model, xte, yte):.3f}   rotated before adaptation {accuracy(model, rot_te, yte):.3f}")
    snapshot = copy.deepcopy(model.state_dict())

    inject(model)
    extra = [p for p in model.parameters() if p.requires_grad]
    print(f"adapter parameters {sum(p.numel() for p in extra)} of {sum(p.numel() for p in model.parameters())}")
    few = torch.arange(len(rot_tr))[:600]
    fit(model, rot_tr[few], ytr[few], extra, 1e-2, 24, 50, "lora")
    tuned = accuracy(model, rot_te, yte)

    with torch.no_grad():
        before = model(rot_te)
        after = merge(model)(rot_te)
    print(f"rotated after adaptation {tuned:.3f}   largest logit change by merging {(before - after).abs().max():.1e}")
    model.load_state_dict(snapshot)
    print(f"upright with the original weights {accuracy(model, xte, yte):.3f}")


if __name__ == "__main__":
    main()
