# Lottery tickets: train, prune the smallest weights, rewind the survivors to an early checkpoint, repeat.
from copy import deepcopy

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(31)

ROUNDS, EPOCHS, REWIND_EPOCH = 4, 10, 1
PRUNE_SHARE, BATCH, LR = 0.6, 50, 0.1

digits = load_digits()
xa, xb, ya, yb = train_test_split(digits.data / 16, digits.target, test_size=0.3, stratify=digits.target, random_state=31)
XTR, YTR = torch.tensor(xa, dtype=torch.float32), torch.tensor(ya)
XTE, YTE = torch.tensor(xb, dtype=torch.float32), torch.tensor(yb)


def new_net():
    return nn.Sequential(
        nn.Linear(64, 100), nn.ReLU(),
        nn.Linear(100, 60), nn.ReLU(),
        nn.Linear(60, 10),
    )


def weights(net):
    return {n: p for n, p in net.named_parameters() if p.dim() == 2}


class Masks:
    """Keeps pruned weights at zero: their gradient is cut, so momentum never builds up for them."""

    def __init__(self, net):
        self.keep = {n: torch.ones_like(p, dtype=torch.bool) for n, p in weights(net).items()}
        self.handles = []

    def attach(self, net):
        for h in self.handles:
            h.remove()
        self.handles = []
        for n, p in weights(net).items():
            self.handles.append(p.register_hook(lambda g, m=self.keep[n]: g * m))
            with torch.no_grad():
                p.mul_(self.keep[n])

    def shrink(self, net, share):
        """One threshold over all layers; the output layer is pruned at half the rate."""
        w = weights(net)
        last = list(w)[-1]
        for group, rate in (([n for n in w if n != last], share), ([last], share / 2)):
            alive = torch.cat([w[n].detach().abs()[self.keep[n]] for n in group])
            cut = alive.quantile(rate)
            for n in group:
                self.keep[n] &= w[n].detach().abs() > cut

    def density(self):
        return sum(m.sum().item() for m in self.keep.values()) / sum(m.numel() for m in self.keep.values())


def accuracy(net):
    net.eval()
    with torch.no_grad():
        return (net(XTE).argmax(1) == YTE).float().mean().item()


def train(net, start_epoch=0, snapshot_at=None):
    opt = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9, nesterov=True)
    lossfn, snap, first, last = nn.CrossEntropyLoss(), None, None, None
    for epoch in range(start_epoch, EPOCHS):
        net.train()
        for group in opt.param_groups:
            group["lr"] = LR * (1 - epoch / EPOCHS)
        total = 0.0
        for idx in torch.randperm(len(XTR)).split(BATCH):
            loss = lossfn(net(XTR[idx]), YTR[idx])
            net.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        last = total / len(XTR)
        first = last if first is None else first
        if snapshot_at is not None and epoch + 1 == snapshot_at:
            snap = deepcopy(net.state_dict())
    return first, last, snap


net = new_net()
masks = Masks(net)
masks.attach(net)
first, last, rewind = train(net, snapshot_at=REWIND_EPOCH)
print(f"dense           loss {first:.4f} -> {last:.4f}   test {accuracy(net):.4f}")
for r in range(1, ROUNDS + 1):
    masks.shrink(net, PRUNE_SHARE)
    masks.attach(net)
    pruned_only = accuracy(net)
    net.load_state_dict(rewind)
    masks.attach(net)
    first, last, _ = train(net, start_epoch=REWIND_EPOCH)
    zeros = all((p[~masks.keep[n]] == 0).all() for n, p in weights(net).items())
    print(f"{100 * masks.density():5.1f}% of weights loss {first:.4f} -> {last:.4f}   test {accuracy(net):.4f}   "
          f"(before retraining {pruned_only:.4f}, pruned weights still zero: {zeros})")

control = []
for trial in range(2):
    other = new_net()
    random_masks = Masks(other)
    for n, m in random_masks.keep.items():
        shuffled = masks.keep[n].flatten()[torch.randperm(m.numel())]
        random_masks.keep[n] = shuffled.view_as(m)
    random_masks.attach(other)
    train(other)
    control.append(accuracy(other))
print(f"same sparsity, random masks: {sum(control) / len(control):.4f}")
