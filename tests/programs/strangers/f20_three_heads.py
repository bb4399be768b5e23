"""One trunk, three heads on the digits (class, centre of ink, stroke mass), losses weighed by learnt uncertainties."""
import time

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset


class InkDataset(Dataset):
    def __init__(self, images, labels, noise, seed):
        self.images = torch.tensor(images / 16, dtype=torch.float32)
        self.labels = torch.tensor(labels)
        rng = np.random.default_rng(seed)
        w = images.sum((1, 2))
        grid = np.arange(8)
        cx = (images.sum(1) * grid).sum(1) / w / 8
        cy = (images.sum(2) * grid).sum(1) / w / 8
        centre = np.stack([cx, cy], axis=1)
        centre += rng.normal(0, noise, centre.shape)
        self.centre = torch.tensor(centre, dtype=torch.float32)
        # mass in sensor units: three orders of magnitude larger than the other targets
        self.mass = torch.tensor(w + rng.normal(0, 5.0, len(w)), dtype=torch.float32).unsqueeze(1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i], {"label": self.labels[i], "centre": self.centre[i], "mass": self.mass[i]}


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 128), nn.LayerNorm(128), nn.GELU(),
            nn.Linear(128, 64), nn.GELU(),
        )
        self.heads = nn.ModuleDict({"label": nn.Linear(64, 10), "centre": nn.Linear(64, 2), "mass": nn.Linear(64, 1)})
        self.register_buffer("mass_mean", torch.zeros(1))
        self.register_buffer("mass_std", torch.ones(1))

    def forward(self, x):
        h = self.body(x)
        out = {k: head(h) for k, head in self.heads.items()}
        out["mass"] = out["mass"] * self.mass_std + self.mass_mean
        return out


class UncertaintyLoss(nn.Module):
    """Gaussian likelihood for the regressions, tempered softmax for the class (Kendall, Gal and Cipolla)."""

    def __init__(self):
        super().__init__()
        self.log_var = nn.ParameterDict({
            "label": nn.Parameter(torch.zeros(())),
            # centre and mass start nearer to the variance of their raw targets
            "centre": nn.Parameter(torch.tensor(-2.0)),
            "mass": nn.Parameter(torch.tensor(8.0)),
        })

    def forward(self, out, target):
        parts = {
            "label": cross_entropy(out["label"], target["label"]),
            "centre": (out["centre"] - target["centre"]).square().sum(1).mean(),
            "mass": (out["mass"] - target["mass"]).square().sum(1).mean(),
        }
        dims = {"label": 1.0, "centre": 2.0, "mass": 1.0}
        total = 0.0
        for k, value in parts.items():
            s = self.log_var[k]
            scale = 1.0 if k == "label" else 0.5
            total = total + scale * (-s).exp() * value + 0.5 * dims[k] * s
        return total, parts


@torch.no_grad()
def score(model, dataset):
    model.eval()
    out = model(dataset.images)
    acc = (out["label"].argmax(1) == dataset.labels).float().mean().item()
    res = {"class acc": acc}
    for k in ("centre", "mass"):
        truth = getattr(dataset, k)
        res[k + " R2"] = 1 - ((out[k] - truth).square().sum() / (truth - truth.mean(0)).square().sum()).item()
    return res


def main(epochs=25, batch=64, lr=2e-3, seed=23):
    torch.manual_seed(seed)
    d = load_digits()
    order = np.random.default_rng(seed).permutation(len(d.target))
    tr, te = order[:1300], order[1300:]
    train = InkDataset(d.images[tr], d.target[tr], 0.01, seed)
    test = InkDataset(d.images[te], d.target[te], 0.0, seed)
    model, criterion = Trunk(), UncertaintyLoss()
    model.mass_mean.copy_(train.mass.mean())
    model.mass_std.copy_(train.mass.std())

    optimizer = torch.optim.Adam([
        {"params": model.parameters(), "lr": lr},
        {"params": criterion.parameters(), "lr": 2e-2},
    ])
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[15, 21], gamma=0.3)
    loader = DataLoader(train, batch_size=batch, shuffle=True, drop_last=True)
    start = time.time()
    for epoch in range(1, epochs + 1):
        model.train()
        running = 0.0
        for x, target in loader:
            total, _ = criterion(model(x), target)
            optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
            running += total.item()
        scheduler.step()
        if epoch % 5 == 0:
            sig = "  ".join(f"{k} {v.item():+.2f}" for k, v in criterion.log_var.items())
            res = "  ".join(f"{k} {v:.3f}" for k, v in score(model, test).items())
            print(f"{epoch:3d}  total {running / len(loader):+8.3f}  [{sig}]  {res}  {time.time() - start:.1f}s")


if __name__ == "__main__":
    main()
