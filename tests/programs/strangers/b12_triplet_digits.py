"""Metric learning with batch-hard triplets: train on digits 0-5, retrieve on the unseen digits 6-9."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Sampler, TensorDataset


class PKSampler(Sampler):
    """Yields batches of P classes with K images each."""

    def __init__(self, labels, p, k, n_batches, seed=0):
        self.by_class = {c: np.flatnonzero(labels == c) for c in np.unique(labels)}
        self.p, self.k, self.n_batches = p, k, n_batches
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        for _ in range(self.n_batches):
            classes = self.rng.choice(list(self.by_class), self.p, replace=False)
            picks = [self.rng.choice(self.by_class[c], self.k, replace=False) for c in classes]
            yield np.concatenate(picks).tolist()


class EmbeddingNet(nn.Module):
    def __init__(self, out_dim=8):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.fc = nn.Linear(32 * 4, out_dim)

    def forward(self, x):
        return F.normalize(self.fc(self.conv(x).flatten(1)), dim=1)


def batch_hard_triplet(emb, lab, margin):
    # squared distances avoid the infinite slope of the square root at zero
    dist = 2.0 - 2.0 * emb @ emb.T
    same = lab[:, None] == lab[None, :]
    hardest_pos = dist.masked_fill(~same, -1.0).max(dim=1).values
    hardest_neg = dist.masked_fill(same, 10.0).min(dim=1).values
    return F.relu(hardest_pos - hardest_neg + margin).mean()


@torch.no_grad()
def embed(model, x):
    model.eval()
    return torch.cat([model(chunk) for chunk in x.split(256)])


def recall_at_k(emb, lab, k):
    """Share of queries with at least one image of their class among the k nearest."""
    dist = torch.cdist(emb, emb)
    nearest = dist.topk(k, dim=1, largest=False).indices
    hit = (lab[nearest] == lab[:, None]).any(dim=1)
    return hit.float().mean().item()


def main():
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target)
    seen = labels < 6
    mean, std = images[seen].mean(), images[seen].std()
    images = (images - mean) / std
    x_train, y_train = images[seen], labels[seen]
    x_test, y_test = images[~seen], labels[~seen]

    sampler = PKSampler(y_train.numpy(), p=6, k=10, n_batches=40)
    loader = DataLoader(TensorDataset(x_train, y_train), batch_sampler=sampler)
    model = EmbeddingNet()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)

    for epoch in range(1, 9):
        model.train()
        running = 0.0
        for x, y in loader:
            loss = batch_hard_triplet(model(x), y, margin=0.3)
            opt.zero_grad()
            loss.backward()
            opt.step()
            running += loss.item()
        print(f"epoch {epoch}  triplet loss {running / len(loader):.4f}")

    emb = embed(model, x_test)
    for k in (1, 2, 4):
        print(f"unseen digits  recall@{k}: {recall_at_k(emb, y_test, k):.4f}")


if __name__ == "__main__":
    main()
