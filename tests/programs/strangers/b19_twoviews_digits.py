"""SimCLR on the 8x8 digits with a linear probe at the end."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class Views:
    """Shift by up to one pixel, change the contrast, erase a 2x2 patch, add noise."""

    def __call__(self, img):
        img = F.pad(img, (1, 1, 1, 1))
        r, c = torch.randint(0, 3, (2,)).tolist()
        img = img[r:r + 8, c:c + 8] * (0.7 + 0.6 * torch.rand(1))
        r, c = torch.randint(0, 7, (2,)).tolist()
        img[r:r + 2, c:c + 2] = 0.0
        return img + 0.05 * torch.randn(8, 8)


class PairDataset(Dataset):
    def __init__(self, images, transform):
        self.images, self.transform = images, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.transform(self.images[i]), self.transform(self.images[i])


def collate_views(pairs):
    """list of (view, view) -> one (2N, 64) batch"""
    return torch.stack([view.flatten() for pair in pairs for view in pair])


class NTXent(nn.Module):
    def __init__(self, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, z):
        n2 = z.size(0)
        z = F.normalize(z, dim=1)
        sim = z @ z.T / self.temperature
        sim = sim.masked_fill(torch.eye(n2, dtype=torch.bool), float("-inf"))
        partner = (torch.arange(n2) + n2 // 2) % n2
        return F.cross_entropy(sim, partner)


class SimCLR(nn.Module):
    def __init__(self, feat=12, proj=16):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, feat))
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(feat, 64), nn.ReLU(), nn.Linear(64, proj))

    def forward(self, x):
        return self.projector(self.backbone(x))


def features(model, images):
    model.eval()
    with torch.no_grad():
        return model.backbone(images.flatten(1)).numpy()


def probe(model, xtr, ytr, xte, yte):
    ftr, fte = features(model, xtr), features(model, xte)
    mu, sd = ftr.mean(0), ftr.std(0) + 1e-6
    clf = LogisticRegression(max_iter=500).fit((ftr - mu) / sd, ytr)
    return clf.score((fte - mu) / sd, yte)


def main():
    torch.manual_seed(0)
    np.random.seed(0)
    d = load_digits()
    xtr, xte, ytr, yte = train_test_split(d.images / 16.0, d.target, test_size=0.3, stratify=d.target, random_state=0)
    xtr, xte = torch.tensor(xtr, dtype=torch.float32), torch.tensor(xte, dtype=torch.float32)

    loader = DataLoader(PairDataset(xtr, Views()), batch_size=128, shuffle=True, drop_last=True,
                        collate_fn=collate_views)
    model, criterion = SimCLR(), NTXent(temperature=0.3)
    print(f"linear probe, untrained backbone: {probe(model, xtr, ytr, xte, yte):.3f}")
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, 17):
        model.train()
        total = 0.0
        for batch in loader:
            loss = criterion(model(batch))
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        if epoch % 2 == 0:
            print(f"epoch {epoch:2d}  nt-xent {total / len(loader):.4f}")
    print(f"linear probe, trained backbone:   {probe(model, xtr, ytr, xte, yte):.3f}")


if __name__ == "__main__":
    main()
