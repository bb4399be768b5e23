"""16 hyper-parameter settings trained side by side as one stacked network (torch.func), then a final fit.

All candidates start from the same weights and see the same batches, so that only the setting differs.
"""
import itertools
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

RATES = [0.003, 0.02, 0.12, 0.7]
DECAYS = [0.0, 1e-4, 3e-3, 5e-2]
EPOCHS, BATCH = 12, 64


def data(seed=0):
    d = load_digits()
    x, y = d.data.astype("float32") / 16.0, d.target
    x_a, x_te, y_a, y_te = train_test_split(x, y, test_size=0.3, stratify=y, random_state=seed)
    x_tr, x_va, y_tr, y_va = train_test_split(x_a, y_a, test_size=0.25, stratify=y_a, random_state=seed)
    return [tuple(map(torch.as_tensor, p)) for p in ((x_tr, y_tr), (x_va, y_va), (x_a, y_a), (x_te, y_te))]


def build():
    torch.manual_seed(1234)
    return nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))


def cosine(step, total):
    return 0.5 * (1 + math.cos(math.pi * step / total))


def search(train, val):
    settings = list(itertools.product(RATES, DECAYS))
    rate = torch.tensor([s[0] for s in settings])
    decay = torch.tensor([s[1] for s in settings])

    skeleton = build().to("meta")
    params, _ = stack_module_state([build() for _ in settings])
    params = {k: nn.Parameter(p.detach().clone()) for k, p in params.items()}

    def one(p, x):
        return functional_call(skeleton, p, (x,))

    stacked = vmap(one, in_dims=(0, None))
    # plain momentum is linear in the gradient: a per-candidate rate can be put into the gradient itself
    opt = torch.optim.SGD(params.values(), lr=1.0, momentum=0.9)

    def per_candidate(logits, y):
        n = len(settings)
        return F.cross_entropy(logits.flatten(0, 1), y.repeat(n), reduction="none").view(n, -1).mean(1)

    (x, y), total = train, EPOCHS * math.ceil(len(train[0]) / BATCH)
    g = torch.Generator().manual_seed(5)
    step = 0
    for epoch in range(EPOCHS):
        for rows in torch.randperm(len(x), generator=g).split(BATCH):
            losses = per_candidate(stacked(params, x[rows]), y[rows])
            opt.zero_grad()
            losses.sum().backward()
            with torch.no_grad():
                now = rate * cosine(step, total)
                for p in params.values():
                    shape = (-1,) + (1,) * (p.ndim - 1)
                    p.grad.add_(p * decay.view(shape)).mul_(now.view(shape))
            opt.step()
            step += 1
        if epoch % 4 == 3:
            with torch.no_grad():
                v = per_candidate(stacked(params, val[0]), val[1])
            print(f"epoch {epoch + 1:2d}  validation loss best {v.min():.4f}  median {v.median():.4f}  worst {v.max():.4f}")

    with torch.no_grad():
        logits = stacked(params, val[0])
        loss = per_candidate(logits, val[1])
        acc = (logits.argmax(-1) == val[1]).float().mean(1)
    return settings, loss, acc


def final_fit(train, rate, decay):
    net = build()
    total = EPOCHS * math.ceil(len(train[0]) / BATCH)
    opt = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=decay)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: cosine(s, total))
    g = torch.Generator().manual_seed(6)
    x, y = train
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x), generator=g).split(BATCH):
            opt.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            opt.step()
            sched.step()
    return net


if __name__ == "__main__":
    train, val, both, test = data()
    settings, loss, acc = search(train, val)
    print("\nvalidation accuracy (rows: learning rate, columns: weight decay)")
    print(" " * 8 + "".join(f"{d:>9.0e}" for d in DECAYS))
    for i, r in enumerate(RATES):
        print(f"{r:8.3f}" + "".join(f"{a:9.3f}" for a in acc.view(len(RATES), -1)[i].tolist()))
    rate, decay = settings[int(loss.argmin())]
    net = final_fit(both, rate, decay)
    with torch.no_grad():
        hit = (net(test[0]).argmax(1) == test[1]).float().mean()
    print(f"\nchosen: rate {rate}, decay {decay}; refitted on training + validation, test accuracy {hit:.3f}")
