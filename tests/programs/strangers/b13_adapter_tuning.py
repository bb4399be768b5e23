"""Pretrain a classifier on upright digits, then move it to rotated digits by training low-rank adapters only."""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class LoRALinear(nn.Module):
    def __init__(self, base: nn.Linear, rank: int, alpha: float):
        super().__init__()
        self.base = base
        self.lora_A = nn.Parameter(torch.empty(rank, base.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.lora_A.T) @ self.lora_B.T

    @torch.no_grad()
    def merge(self):
        self.base.weight += self.scale * self.lora_B @ self.lora_A
        return self.base


def build():
    return nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 10))


def fit(model, params, x, y, epochs, lr):
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    for ep in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        if (ep + 1) % 10 == 0:
            print(f"  epoch {ep + 1:2d}  loss {total / len(x):.4f}")


@torch.no_grad()
def score(model, x, y):
    model.eval()
    return (model(x).argmax(1) == y).float().mean().item()


def turn(x):
    return torch.rot90(x.view(-1, 8, 8), 1, dims=(1, 2)).flatten(1)


def inject(model, rank=6, alpha=12.0):
    """Freeze everything, then wrap each linear layer."""
    for p in model.parameters():
        p.requires_grad_(False)
    for name, child in list(model.named_children()):
        if isinstance(child, nn.Linear):
            setattr(model, name, LoRALinear(child, rank, alpha))
    return [p for p in model.parameters() if p.requires_grad]


def main():
    torch.manual_seed(2)
    X, y = load_digits(return_X_y=True)
    xtr, xte, ytr, yte = train_test_split(X, y, test_size=0.25, stratify=y, random_state=2)
    mu, sd = xtr.mean(), xtr.std()
    xtr, xte = (torch.tensor((v - mu) / sd, dtype=torch.float32) for v in (xtr, xte))
    ytr, yte = torch.tensor(ytr), torch.tensor(yte)

    model = build()
    print("pretraining on upright digits")
    fit(model, model.parameters(), xtr, ytr, epochs=20, lr=1e-3)
    print(f"upright {score(model, xte, yte):.3f}   rotated {score(model, turn(xte), yte):.3f}")

    adapters = inject(model)
    n_train, n_all = sum(p.numel() for p in adapters), sum(p.numel() for p in model.parameters())
    print(f"adapting {n_train} of {n_all} parameters to rotated digits")
    fit(model, adapters, turn(xtr), ytr, epochs=30, lr=2e-3)
    print(f"rotated, with adapters {score(model, turn(xte), yte):.3f}")

    for name, child in list(model.named_children()):
        if isinstance(child, LoRALinear):
            setattr(model, name, child.merge())
    print(f"rotated, merged        {score(model, turn(xte), yte):.3f}")


if __name__ == "__main__":
    main()
