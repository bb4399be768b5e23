"""Learning with wrong labels: two networks choose clean-looking samples for each other (co-teaching).

A third of the digits' training labels are wrong. Each network ranks the batch by its own loss and hands the easiest part to the other.
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

NOISE_RATE, EPOCHS, BATCH = 0.35, 10, 64
rng = np.random.RandomState(7)
torch.manual_seed(7)


def network():
    return nn.Sequential(
        nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Dropout(0.25), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 10)
    )


def load_noisy():
    x, y = load_digits(return_X_y=True)
    order = rng.permutation(len(y))
    x, y = torch.as_tensor(x[order] / 16 - 0.5, dtype=torch.float32), torch.as_tensor(y[order])
    noisy = y[:1300].clone()
    wrong = torch.as_tensor(rng.rand(1300) < NOISE_RATE)
    noisy[wrong] = (noisy[wrong] + torch.as_tensor(rng.randint(1, 10, int(wrong.sum())))) % 10
    return TensorDataset(x[:1300], noisy, ~wrong), TensorDataset(x[1300:], y[1300:])


def keep_share(epoch, ramp=4):
    return 1 - NOISE_RATE * min((epoch + 1) / ramp, 1)


def exchange(logits_a, logits_b, labels, share):
    """The loss of each network on what the other one finds easy."""
    n = int(share * len(labels))
    loss_a = F.cross_entropy(logits_a, labels, reduction="none")
    loss_b = F.cross_entropy(logits_b, labels, reduction="none")
    easy_a, easy_b = loss_a.argsort()[:n], loss_b.argsort()[:n]
    return loss_a[easy_b].mean(), loss_b[easy_a].mean(), easy_a


def score(nets, loader):
    for net in nets:
        net.eval()
    right = [0, 0]
    with torch.no_grad():
        for x, y in loader:
            for i, net in enumerate(nets):
                right[i] += (net(x).argmax(1) == y).sum().item()
    for net in nets:
        net.train()
    return [r / len(loader.dataset) for r in right]


train_set, test_set = load_noisy()
train_loader = DataLoader(train_set, batch_size=BATCH, shuffle=True, drop_last=True)
test_loader = DataLoader(test_set, batch_size=250)
net_a, net_b = network(), network()
opt_a, opt_b = torch.optim.Adam(net_a.parameters(), lr=2e-3), torch.optim.Adam(net_b.parameters(), lr=2e-3)

for epoch in range(EPOCHS):
    purity, losses = [], []
    for x, labels, is_clean in train_loader:
        loss_a, loss_b, chosen = exchange(net_a(x), net_b(x), labels, keep_share(epoch))

        opt_a.zero_grad()
        loss_a.backward()
        opt_a.step()

        opt_b.zero_grad()
        loss_b.backward()
        opt_b.step()

        purity.append(is_clean[chosen].float().mean().item())
        losses.append(loss_a.item())
    if epoch % 3 == 0 or epoch == EPOCHS - 1:
        a, b = score((net_a, net_b), test_loader)
        print(f"{epoch:2d} loss {np.mean(losses):.3f} clean among chosen {np.mean(purity):.3f} a {a:.3f} accuracy {b:.3f}")
