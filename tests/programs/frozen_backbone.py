"""Transfers an encoder: learns the digits 0-4 first, then only a new head for 5-9.

Stage one trains the encoder together with a throw-away classifier.  Stage two
freezes the encoder, keeps its batch normalisation on the statistics that stage
one has gathered, and trains a fresh head on few images of the other digits.
"""
import numpy as np
import torch as th
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


def batches(x, y, size, rng):
    order = rng.permutation(len(x))
    for start in range(0, len(order) - size + 1, size):
        rows = order[start : start + size]
        yield x[rows], y[rows]


class Encoder(nn.Module):
    def __init__(self, features=64, code=48):
        super().__init__()
        self.first = nn.Linear(features, 96)
        self.norm1 = nn.BatchNorm1d(96)
        self.second = nn.Linear(96, code)
        self.norm2 = nn.BatchNorm1d(code)

    def forward(self, x):
        x = F.relu(self.norm1(self.first(x)))
        return F.relu(self.norm2(self.second(x)))


class Transferred(nn.Module):
    """A frozen encoder with a head of its own that can be trained."""

    def __init__(self, encoder, classes):
        super().__init__()
        self.encoder = encoder
        for p in self.encoder.parameters():
            p.requires_grad = False
        self.hidden = nn.Linear(48, 32)
        self.drop = nn.Dropout(0.25)
        self.output = nn.Linear(32, classes)

    def train(self, mode=True):
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, x):
        h = self.drop(F.elu(self.hidden(self.encoder(x))))
        return F.log_softmax(self.output(h), dim=-1)


def accuracy(model, x, y):
    model.eval()
    with th.inference_mode():
        hits = model(x).argmax(dim=-1).eq(y).float().mean().item()
    model.train()
    return hits


def pretrain(x, y, x_val, y_val, rng, epochs=5):
    encoder = Encoder()
    classifier = nn.Linear(48, 5)
    network = nn.Sequential(encoder, classifier)
    parameters = list(encoder.parameters()) + list(classifier.parameters())
    optimiser = th.optim.RMSprop(parameters, lr=1e-3)
    for epoch in range(epochs):
        losses = []
        for xb, yb in batches(x, y, 32, rng):
            optimiser.zero_grad()
            guess = network(xb)
            cost = F.cross_entropy(guess, yb)
            cost.backward()
            optimiser.step()
            losses.append(cost.item())
        print(f"pretrain {epoch}  loss {np.mean(losses):.4f}  accuracy {accuracy(network, x_val, y_val):.4f}")
    return encoder


def train_head(encoder, x, y, x_val, y_val, rng, epochs=20):
    model = Transferred(encoder, classes=5)
    kept = {name: b.clone() for name, b in encoder.named_buffers()}
    tuner = th.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
    print(f"new head before training  accuracy {accuracy(model, x_val, y_val):.4f}")
    for epoch in range(epochs):
        losses = []
        for xb, yb in batches(x, y, 40, rng):
            log_probs = model(xb)
            nll = F.nll_loss(log_probs, yb)
            tuner.zero_grad()
            nll.backward()
            tuner.step()
            losses.append(float(nll.detach()))
        if epoch % 5 == 4:
            print(f"head {epoch}  loss {np.mean(losses):.4f}  accuracy {accuracy(model, x_val, y_val):.4f}")
    same = all(th.equal(kept[name], b) for name, b in encoder.named_buffers())
    print(f"statistics of the encoder unchanged: {same}")
    return model


def main():
    th.manual_seed(3)
    rng = np.random.default_rng(3)
    pixels, digit = load_digits(return_X_y=True)
    x = th.as_tensor(pixels / 16.0 - 0.5, dtype=th.float32)
    y = th.as_tensor(digit, dtype=th.long)
    order = th.as_tensor(rng.permutation(len(x)))
    x, y = x[order], y[order]

    low, high = y < 5, y >= 5
    x_low, y_low = x[low], y[low]
    x_high, y_high = x[high], y[high] - 5
    encoder = pretrain(x_low[200:], y_low[200:], x_low[:200], y_low[:200], rng)
    # only 240 images of the other digits carry a label here, the rest is for the test
    train_head(encoder, x_high[:240], y_high[:240], x_high[240:], y_high[240:], rng)


main()
