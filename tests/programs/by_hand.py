"""Classify irises with a two-layer network made of bare tensors: no nn.Module, no torch.optim, no DataLoader."""

import math
import random

import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris

HIDDEN = 16
CLASSES = 3
EPOCHS = 30
BATCH = 15
LEARNING_RATE = 0.1
DECAY = 1e-3


def make_weights(columns):
    def matrix(rows, cols):
        return (torch.randn(rows, cols) * math.sqrt(2 / rows)).requires_grad_()

    def vector(size):
        return torch.zeros(size, requires_grad=True)

    return {
        "w1": matrix(columns, HIDDEN),
        "b1": vector(HIDDEN),
        "w2": matrix(HIDDEN, CLASSES),
        "b2": vector(CLASSES),
    }


def predict(weights, x):
    """Log-probabilities of the three species."""
    hidden = torch.relu(x @ weights["w1"] + weights["b1"])
    scores = hidden @ weights["w2"] + weights["b2"]
    return F.log_softmax(scores, dim=-1)


def penalty(weights):
    return DECAY * (weights["w1"].square().sum() + weights["w2"].square().sum())


def forget_gradients(weights):
    for p in weights.values():
        if p.grad is not None:
            p.grad.zero_()


def descend(weights, lr):
    with torch.no_grad():
        for p in weights.values():
            p -= lr * p.grad


def in_batches(x, y, size, shuffler):
    rows = list(range(len(x)))
    shuffler.shuffle(rows)
    while rows:
        chosen, rows = rows[:size], rows[size:]
        yield x[chosen], y[chosen]


def evaluate(weights, x, y):
    with torch.no_grad():
        log_probs = predict(weights, x)
        loss = F.nll_loss(log_probs, y)
        correct = (log_probs.argmax(dim=-1) == y).float().mean()
    return loss.item(), correct.item()


def load(seed):
    iris = load_iris()
    x = torch.tensor(iris.data, dtype=torch.float32)
    y = torch.tensor(iris.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    train, test = order[:105], order[105:]
    low, high = x[train].min(dim=0).values, x[train].max(dim=0).values
    x = 2 * (x - low) / (high - low) - 1
    return x[train], y[train], x[test], y[test]


torch.manual_seed(21)
shuffler = random.Random(21)
x_train, y_train, x_test, y_test = load(seed=6)
weights = make_weights(x_train.shape[1])

for epoch in range(1, EPOCHS + 1):
    seen, total = 0, 0.0
    for x, y in in_batches(x_train, y_train, BATCH, shuffler):
        forget_gradients(weights)
        nll = F.nll_loss(predict(weights, x), y)
        loss = nll + penalty(weights)
        loss.backward()
        descend(weights, LEARNING_RATE)
        total += nll.item() * len(y)
        seen += len(y)
    if epoch % 5 == 0:
        test_loss, accuracy = evaluate(weights, x_test, y_test)
        print(f"epoch {epoch:2d}: train {total / seen:.4f}, test {test_loss:.4f}, accuracy {accuracy:.3f}")
