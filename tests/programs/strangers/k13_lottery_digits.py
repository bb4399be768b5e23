"""Iterative magnitude pruning with rewinding on the digits; a random ticket of the same size for comparison."""
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

ROUNDS, KEEP, EPOCHS, REWIND_EPOCH = 4, 0.6, 12, 1


class MaskedLinear(nn.Linear):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.register_buffer("mask", torch.ones(o, i))
        self.weight.register_hook(lambda g: g * self.mask)

    def set_mask(self, mask):
        self.mask.copy_(mask)
        with torch.no_grad():
            self.weight.mul_(self.mask)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1, self.l2, self.l3 = MaskedLinear(64, 200), MaskedLinear(200, 100), MaskedLinear(100, 10)

    def forward(self, x):
        return self.l3(F.relu(self.l2(F.relu(self.l1(x)))))

    def layers(self):
        return [self.l1, self.l2, self.l3]

    def density(self):
        alive = sum((m.weight != 0).sum().item() for m in self.layers())
        return alive / sum(m.weight.numel() for m in self.layers())


def weights_only(net):
    return {k: v.clone() for k, v in net.state_dict().items() if not k.endswith("mask")}


def rewind(net, saved, masks):
    net.load_state_dict(saved, strict=False)
    for layer, m in zip(net.layers(), masks):
        layer.set_mask(m)


def magnitude_masks(net, keep):
    """Layerwise: drop the smallest of those still alive; the output layer at half the rate."""
    out = []
    for layer in net.layers():
        rate = keep if layer is not net.l3 else 0.5 * (1 + keep)
        alive = layer.mask.bool()
        mag = layer.weight.detach().abs()
        k = max(1, int(rate * alive.sum().item()))
        cut = mag[alive].topk(k).values[-1]
        out.append(((mag >= cut) & alive).float())
    return out


def shuffled(masks, gen):
    return [m.flatten()[torch.randperm(m.numel(), generator=gen)].view_as(m) for m in masks]


def fit(net, x, y, epochs, snapshot_at=None):
    """A fresh optimiser each time, so that no momentum is left over on weights that have been cut."""
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4, nesterov=True)
    steps = epochs * -(-len(x) // 64)
    sched = torch.optim.lr_scheduler.SequentialLR(
        opt, [torch.optim.lr_scheduler.ConstantLR(opt, 1.0, steps // 2),
              torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps - steps // 2)], [steps // 2])
    snap = None
    for epoch in range(epochs):
        if epoch == snapshot_at:
            snap = weights_only(net)
        for idx in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            for p in net.parameters():
                p.grad = None
            loss.backward()
            opt.step()
            sched.step()
    return snap


@torch.no_grad()
def accuracy(net, x, y):
    return (net(x).argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(8)
    X, y = load_digits(return_X_y=True)
    xtr, xte, ytr, yte = train_test_split(X / 16.0 - 0.3, y, test_size=0.35, stratify=y, random_state=8)
    xtr, xte = torch.tensor(xtr, dtype=torch.float32), torch.tensor(xte, dtype=torch.float32)
    ytr, yte = torch.tensor(ytr), torch.tensor(yte)

    net = MLP()
    early = fit(net, xtr, ytr, EPOCHS, snapshot_at=REWIND_EPOCH)
    print(f"dense network: density {net.density():.4f}  test accuracy {accuracy(net, xte, yte):.4f}")
    masks = [m.mask.clone() for m in net.layers()]
    for r in range(1, ROUNDS + 1):
        masks = magnitude_masks(net, KEEP)
        rewind(net, early, masks)
        fit(net, xtr, ytr, EPOCHS)
        frozen = all(bool((m.weight[m.mask == 0] == 0).all()) for m in net.layers())
        print(f"round {r}: density {net.density():.4f}  test accuracy {accuracy(net, xte, yte):.4f}  mask kept {frozen}")
    ticket = accuracy(net, xte, yte)

    gen = torch.Generator().manual_seed(8)
    scores = []
    for _ in range(2):
        other = MLP()
        rewind(other, copy.deepcopy(early), shuffled(masks, gen))
        fit(other, xtr, ytr, EPOCHS)
        scores.append(accuracy(other, xte, yte))
    print(f"winning ticket {ticket:.4f} against random masks of the same density {sum(scores) / len(scores):.4f}")


if __name__ == "__main__":
    main()
