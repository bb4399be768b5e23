"""Digits never seen in training, told apart from five examples each: a prototypical network in functional style.

Weights live in a plain dict, and the forward is a function of them. `F.batch_norm` has no running statistics at all:
each episode is normalised by itself, in training and in evaluation, as is usual in few-shot learning. Validation asks
for the same episodes after every round, from a generator that is seeded anew each time.
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

WAYS, SHOTS, QUERIES = 3, 5, 10
SEEN, UNSEEN = (0, 1, 2, 3, 4, 5, 6), (7, 8, 9)


def make_weights(channels=(1, 24, 24, 32)):
    weights = {}
    for i, (given, made) in enumerate(zip(channels, channels[1:])):
        weights[f"conv{i}"] = torch.randn(made, given, 3, 3) * (2 / (given * 9)) ** 0.5
        weights[f"scale{i}"] = torch.ones(made)
        weights[f"shift{i}"] = torch.zeros(made)
    weights["log_scale"] = torch.zeros(())
    for tensor in weights.values():
        tensor.requires_grad_(True)
    return weights


def embed(weights, x):
    for i in range(3):
        x = F.conv2d(x, weights[f"conv{i}"], padding=1)
        x = F.batch_norm(x, None, None, weights[f"scale{i}"], weights[f"shift{i}"], training=True)
        x = F.relu(x)
        if i < 2:
            x = F.max_pool2d(x, 2)
    return x.flatten(1)


def episode(by_digit, digits, generator):
    """Support and query images of a few digits; the labels count from 0 within the episode."""
    chosen = [digits[i] for i in torch.randperm(len(digits), generator=generator)[:WAYS]]
    support, query = [], []
    for digit in chosen:
        images = by_digit[digit]
        pick = torch.randperm(len(images), generator=generator)[: SHOTS + QUERIES]
        support.append(images[pick[:SHOTS]])
        query.append(images[pick[SHOTS:]])
    labels = torch.arange(WAYS).repeat_interleave(QUERIES)
    return torch.cat(support), torch.cat(query), labels


def scores_of(weights, support, query):
    both = embed(weights, torch.cat([support, query]))
    prototypes = both[: len(support)].view(WAYS, SHOTS, -1).mean(dim=1)
    distances = torch.cdist(both[len(support) :], prototypes).pow(2)
    return -distances * weights["log_scale"].exp() / both.shape[1]


def validate(weights, by_digit, rounds=30):
    generator = torch.Generator().manual_seed(99)
    right, count = 0, 0
    with torch.no_grad():
        for _ in range(rounds):
            support, query, labels = episode(by_digit, UNSEEN, generator)
            right += (scores_of(weights, support, query).argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return right / count


def main():
    torch.manual_seed(11)
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 16
    target = torch.tensor(data.target)
    by_digit = {digit: images[target == digit] for digit in range(10)}
    weights = make_weights()
    optimizer = torch.optim.AdamW(weights.values(), lr=3e-3, weight_decay=1e-4)
    draws = torch.Generator().manual_seed(1)
    print(f"before: unseen accuracy {validate(weights, by_digit):.3f}")
    for round_ in range(5):
        total = 0.0
        for _ in range(40):
            support, query, labels = episode(by_digit, SEEN, draws)
            loss = F.cross_entropy(scores_of(weights, support, query), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"round {round_}: loss {total / 40:.4f} unseen accuracy {validate(weights, by_digit):.3f}")


if __name__ == "__main__":
    main()
