"""
Metric learning with triplets: learn an embedding of the digits from 30 labelled images
per class and classify the rest by nearest neighbour. All valid triplets of a PK batch.
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from torch.utils.data import DataLoader, Sampler, TensorDataset

MARGIN = 0.4
P, K = 8, 5
SHOTS = 30


class PKSampler(Sampler):
    """P classes with K samples each in every batch"""

    def __init__(self, labels, p, k, n_batches, seed=0):
        self.by_class = {int(c): np.where(labels == c)[0] for c in np.unique(labels)}
        self.p, self.k, self.n_batches = p, k, n_batches
        self.rng = np.random.default_rng(seed)

    def __iter__(self):
        for _ in range(self.n_batches):
            classes = self.rng.choice(list(self.by_class), self.p, replace=False)
            batch = [self.rng.choice(self.by_class[int(c)], self.k, replace=False) for c in classes]
            yield np.concatenate(batch).tolist()

    def __len__(self):
        return self.n_batches


class EmbeddingNet(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.PReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.PReLU(),
            nn.MaxPool2d(2),
        )
        self.fc = nn.Sequential(nn.Linear(32 * 2 * 2, 128), nn.PReLU(), nn.Linear(128, dim))

    def forward(self, x):
        return F.normalize(self.fc(self.conv(x).flatten(1)), dim=1)


def augment(x):
    """shift by up to one pixel, add a little noise"""
    r, c = np.random.randint(0, 3, 2)
    x = F.pad(x, (1, 1, 1, 1), value=-1.0)[:, :, r:r + 8, c:c + 8]
    return x + 0.2 * torch.randn_like(x)


def triplet_loss(emb, labels):
    dist = 2.0 - 2.0 * emb @ emb.T
    with torch.no_grad():
        same = labels.unsqueeze(0) == labels.unsqueeze(1)
        positive = same & ~torch.eye(len(labels), dtype=torch.bool)
        # [anchor, positive, negative]
        valid = positive.unsqueeze(2) & ~same.unsqueeze(1)
    losses = F.relu(dist.unsqueeze(2) - dist.unsqueeze(1) + MARGIN)[valid]
    active = (losses > 0).sum()
    # the satisfied triplets would only dilute the gradient
    return losses.sum() / active.clamp(min=1), active.item() / len(losses)


@torch.no_grad()
def embed(net, x):
    net.eval()
    out = torch.cat([net(chunk) for chunk in x.split(256)])
    net.train()
    return out.numpy()


def knn_score(gallery, gallery_y, query, query_y, k=1):
    return KNeighborsClassifier(k).fit(gallery, gallery_y).score(query, query_y)


def main():
    torch.manual_seed(21)
    np.random.seed(21)
    d = load_digits()
    x = torch.tensor(d.images / 8.0 - 1.0, dtype=torch.float32).unsqueeze(1)
    y = d.target
    few, rest = train_test_split(np.arange(len(y)), train_size=10 * SHOTS, stratify=y, random_state=0)

    sampler = PKSampler(y[few], P, K, n_batches=25)
    loader = DataLoader(TensorDataset(x[few], torch.tensor(y[few])), batch_sampler=sampler)

    net = EmbeddingNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=20)

    def report(tag):
        print(f"{tag}: nearest neighbour on {len(rest)} unseen images "
              f"{knn_score(embed(net, x[few]), y[few], embed(net, x[rest]), y[rest]):.3f}")

    flat = d.images.reshape(len(y), -1)
    print(f"raw pixels: {knn_score(flat[few], y[few], flat[rest], y[rest]):.3f}")
    report("untrained")
    for epoch in range(20):
        loss_sum, active_sum = 0.0, 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            xb = augment(xb)
            loss, active = triplet_loss(net(xb), yb)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
            active_sum += active
        scheduler.step()
        print(f"epoch {epoch + 1:2d} loss {loss_sum / len(loader):.4f} "
              f"active triplets {active_sum / len(loader):.1%}")
        if epoch % 5 == 4:
            report("   ")
    report("final")


if __name__ == "__main__":
    main()
