# Predict topic tags of short documents from word counts. A document can carry several tags.
import numpy as np
import torch
from torch import nn, optim
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score

config = dict(
    n_docs=4000,
    vocab=60,
    n_tags=6,
    hidden=48,
    batch_size=50,
    epochs=15,
    lr=2e-3,
    seed=99,
)


def load(cfg):
    X, Y = make_multilabel_classification(
        n_samples=cfg["n_docs"], n_features=cfg["vocab"], n_classes=cfg["n_tags"],
        n_labels=2, length=120, allow_unlabeled=False, random_state=cfg["seed"])
    X = np.log1p(X)
    cut = int(0.8 * len(X))
    mean, std = X[:cut].mean(0), X[:cut].std(0) + 1e-6
    X = (X - mean) / std
    X = torch.tensor(X, dtype=torch.float32)
    Y = torch.tensor(Y, dtype=torch.float32)
    return (X[:cut], Y[:cut]), (X[cut:], Y[cut:])


class TagNet(nn.Module):
    def __init__(self, vocab, hidden, n_tags):
        super().__init__()
        self.fc1 = nn.Linear(vocab, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.drop = nn.Dropout(0.3)
        self.fc2 = nn.Linear(hidden, n_tags)

    def forward(self, counts):
        h = torch.relu(self.norm(self.fc1(counts)))
        return self.fc2(self.drop(h))


def predict_tags(model, X):
    model.eval()
    with torch.no_grad():
        return (torch.sigmoid(model(X)) > 0.5).int()


def report(name, model, data):
    X, Y = data
    pred = predict_tags(model, X)
    y = Y.int().numpy()
    micro = f1_score(y, pred.numpy(), average="micro", zero_division=0)
    macro = f1_score(y, pred.numpy(), average="macro", zero_division=0)
    exact = (pred == Y.int()).all(dim=1).float().mean().item()
    print(f"  {name:5s} micro-F1 {micro:.3f}  macro-F1 {macro:.3f}  exact {exact:.3f}")


def fit(cfg):
    torch.manual_seed(cfg["seed"])
    train, test = load(cfg)
    model = TagNet(cfg["vocab"], cfg["hidden"], cfg["n_tags"])
    loss_fn = nn.CrossEntropyLoss()
    optimizer = optim.AdamW(model.parameters(), lr=cfg["lr"], weight_decay=1e-2)

    X, Y = train
    n = len(X)
    for epoch in range(cfg["epochs"]):
        model.train()
        perm = torch.randperm(n)
        total = 0.0
        for start in range(0, n, cfg["batch_size"]):
            rows = perm[start:start + cfg["batch_size"]]
            optimizer.zero_grad()
            loss = loss_fn(model(X[rows]), Y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        print(f"epoch {epoch + 1}/{cfg['epochs']} loss {total / n:.4f}")
        if (epoch + 1) % 5 == 0:
            report("train", model, train)
            report("test", model, test)
    return model


if __name__ == "__main__":
    fit(config)
