"""Transfer learning on digits: pretrain on 0-6, learn 7-9 from a handful of examples."""
import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
from nets import SourceNet, TransferNet
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

SHOTS = 10
CKPT = os.path.join(tempfile.mkdtemp(), "source.pt")


def get_data():
    d = load_digits()
    x = torch.tensor(d.images / 16.0, dtype=torch.float32).unsqueeze(1)
    x = (x - 0.3) / 0.38
    y = torch.tensor(d.target)
    src = y < 7
    return (x[src], y[src]), (x[~src], y[~src] - 7)


def run_epoch(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    total, correct, n = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for xb, yb in loader:
            out = model(xb)
            loss = criterion(out, yb)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(yb)
            correct += (out.argmax(1) == yb).sum().item()
            n += len(yb)
    return total / n, correct / n


def pretrain(x, y, epochs=12):
    n_val = len(y) // 5
    perm = torch.randperm(len(y))
    val, tr = perm[:n_val], perm[n_val:]
    train_dl = DataLoader(TensorDataset(x[tr], y[tr]), batch_size=64, shuffle=True)
    val_dl = DataLoader(TensorDataset(x[val], y[val]), batch_size=256)
    net = SourceNet(7)
    crit = nn.CrossEntropyLoss()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for ep in range(epochs):
        tl, ta = run_epoch(net, train_dl, crit, opt)
        vl, va = run_epoch(net, val_dl, crit)
        print(f"[source] epoch {ep + 1:2d} train {tl:.3f}/{ta:.3f}  val {vl:.3f}/{va:.3f}")
    torch.save({"state_dict": net.state_dict(), "epoch": epochs}, CKPT)


def finetune(x, y, epochs=60):
    rng = np.random.RandomState(3)
    few = np.concatenate([rng.choice(np.where(y.numpy() == c)[0], SHOTS, replace=False)
                          for c in range(3)])
    rest = np.setdiff1d(np.arange(len(y)), few)
    train_dl = DataLoader(TensorDataset(x[few], y[few]), batch_size=8, shuffle=True)
    test_dl = DataLoader(TensorDataset(x[rest], y[rest]), batch_size=256)

    net = TransferNet(3)
    ckpt = torch.load(CKPT)
    # the source classifier has 7 outputs and is not needed here
    net.load_state_dict(ckpt["state_dict"], strict=False)
    net.freeze_backbone()
    print("loaded source weights from epoch", ckpt["epoch"])
    trainable = [p for p in net.parameters() if p.requires_grad]
    print("trainable parameters:", sum(p.numel() for p in trainable))

    crit = nn.CrossEntropyLoss()
    opt = torch.optim.Adam(trainable, lr=1e-2)
    for ep in range(epochs):
        tl, ta = run_epoch(net, train_dl, crit, opt)
        if (ep + 1) % 10 == 0:
            print(f"[target] epoch {ep + 1:2d} train {tl:.3f}/{ta:.3f}")
    return run_epoch(net, test_dl, crit)


if __name__ == "__main__":
    torch.manual_seed(0)
    (xs, ys), (xt, yt) = get_data()
    pretrain(xs, ys)
    loss, acc = finetune(xt, yt)
    print(f"{SHOTS}-shot test loss {loss:.3f} accuracy {acc:.3f}")
