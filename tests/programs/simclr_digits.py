"""SimCLR on the 8x8 digits, then a linear probe on the frozen features.

Two random views of every image, a projector, NT-Xent over all pairs of the batch.
Labels are used by the probe only.
"""
import math
import random

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

EPOCHS = 9
BATCH = 128
TEMPERATURE = 0.3
BASE_LR, WARMUP = 0.4, 10
SEED = 4


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.SiLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GroupNorm(4, 32), nn.SiLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.GroupNorm(8, 64), nn.SiLU(),
        )

    def forward(self, x):
        return self.net(x).flatten(1)


class Projector(nn.Sequential):
    def __init__(self, inside, hidden=128, outside=32):
        super().__init__(nn.Linear(inside, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, outside))


def augment(x):
    """Shift by at most a pixel, rescale the contrast, add noise, hide a row."""
    out = []
    for image in x:
        image = torch.roll(image, (random.randint(-1, 1), random.randint(-1, 1)), dims=(1, 2))
        image = image * random.uniform(0.6, 1.4)
        if random.random() < 0.5:
            image = image.clone()
            image[:, random.randrange(8)] = 0
        out.append(image)
    out = torch.stack(out)
    return out + 0.1 * torch.randn_like(out)


def nt_xent(a, b, t=TEMPERATURE):
    z = F.normalize(torch.cat([a, b]), dim=1)
    similarity = z @ z.T / t
    similarity.fill_diagonal_(float("-inf"))
    n = len(a)
    partner = torch.arange(2 * n).roll(n)
    return F.cross_entropy(similarity, partner)


def learning_rate(step, total):
    if step < WARMUP:
        return BASE_LR * (step + 1) / WARMUP
    return BASE_LR * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (total - WARMUP)))


def pretrain(encoder, projector, x):
    params = [*encoder.parameters(), *projector.parameters()]
    sgd = torch.optim.SGD(params, lr=0.0, momentum=0.9, weight_decay=1e-4)
    per_epoch = len(x) // BATCH
    step = 0
    for epoch in range(EPOCHS):
        total = 0.0
        order = torch.randperm(len(x))
        for i in range(per_epoch):
            batch = x[order[i * BATCH : (i + 1) * BATCH]]
            for group in sgd.param_groups:
                group["lr"] = learning_rate(step, EPOCHS * per_epoch)
            za, zb = projector(encoder(augment(batch))), projector(encoder(augment(batch)))
            loss = nt_xent(za, zb)
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            total += loss.item()
            step += 1
        if epoch % 3 == 2:
            print(f"[{epoch + 1:2d}/{EPOCHS}] nt-xent {total / per_epoch:.3f}")


def probe(encoder, x, y, x_test, y_test, iterations=60):
    """Multinomial regression on features that are computed once."""
    encoder.eval()
    with torch.no_grad():
        f, f_test = encoder(x), encoder(x_test)
    mean, std = f.mean(0), f.std(0) + 1e-6
    f, f_test = (f - mean) / std, (f_test - mean) / std
    linear = nn.Linear(f.shape[1], 10)
    adam = torch.optim.Adam(linear.parameters(), lr=0.02, weight_decay=1e-3)
    for _ in range(iterations):
        adam.zero_grad(set_to_none=True)
        F.cross_entropy(linear(f), y).backward()
        adam.step()
    with torch.no_grad():
        return (linear(f_test).argmax(1) == y_test).float().mean().item()


if __name__ == "__main__":
    random.seed(SEED)
    torch.manual_seed(SEED)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(images))
    train, test = order[:1297], order[1297:]
    few = train[:150]

    encoder = Encoder()
    before = probe(encoder, images[few], labels[few], images[test], labels[test])
    encoder.train()
    pretrain(encoder, Projector(256), images[train])
    after = probe(encoder, images[few], labels[few], images[test], labels[test])
    print(f"probe with 150 labels: random features {before:.3f}, learned features accuracy {after:.3f}")
