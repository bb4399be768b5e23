# mixed precision on the CPU (bfloat16) with label smoothing and an EMA of the weights
import argparse
import copy
import time

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class ShiftedDigits(Dataset):
    """8x8 digits pasted at a random place of a 12x12 canvas (centre at test time)."""

    def __init__(self, images, labels, random_place, seed=0):
        self.images, self.labels = images, labels
        self.random_place = random_place
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        canvas = np.zeros((12, 12), dtype=np.float32)
        r, c = self.rng.integers(0, 5, 2) if self.random_place else (2, 2)
        canvas[r:r + 8, c:c + 8] = self.images[i]
        return torch.from_numpy(canvas.ravel()), int(self.labels[i])


class MixerMLP(nn.Module):
    def __init__(self, width=256, n_classes=10, p=0.1):
        super().__init__()
        self.inp = nn.Linear(144, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.drop = nn.Dropout(p)
        self.out = nn.Linear(width, n_classes)

    def forward(self, x):
        x = torch.relu(self.inp(x))
        for lin, norm in zip(self.hidden, self.norms):
            x = x + self.drop(torch.relu(lin(norm(x))))
        return self.out(x)


@torch.no_grad()
def update_ema(ema, model, decay):
    for e, p in zip(ema.parameters(), model.parameters()):
        e.lerp_(p, 1.0 - decay)


@torch.no_grad()
def evaluate(model, loader, amp):
    model.eval()
    loss_fn = nn.CrossEntropyLoss(reduction="sum")
    loss, correct, n = 0.0, 0, 0
    for x, y in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
            out = model(x)
        loss += loss_fn(out.float(), y).item()
        correct += (out.argmax(1) == y).sum().item()
        n += len(y)
    return loss / n, correct / n


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=25)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--smoothing", type=float, default=0.1)
    ap.add_argument("--ema", type=float, default=0.97)
    ap.add_argument("--no-amp", action="store_true")
    args = ap.parse_args()
    amp = not args.no_amp
    torch.manual_seed(3)

    d = load_digits()
    x_tr, x_te, y_tr, y_te = train_test_split(d.images / 16.0, d.target, test_size=0.25,
                                              stratify=d.target, random_state=3)
    train_dl = DataLoader(ShiftedDigits(x_tr, y_tr, True), batch_size=64, shuffle=True, drop_last=True)
    test_dl = DataLoader(ShiftedDigits(x_te, y_te, False), batch_size=450)

    model = MixerMLP()
    ema = copy.deepcopy(model)
    for p in ema.parameters():
        p.requires_grad_(False)

    decay, no_decay = [], []
    for p in model.parameters():
        (decay if p.ndim > 1 else no_decay).append(p)
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05},
                             {"params": no_decay, "weight_decay": 0.0}], lr=args.lr)
    warm = torch.optim.lr_scheduler.LinearLR(opt, 0.05, 1.0, total_iters=2)
    cos = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs - 2)
    sched = torch.optim.lr_scheduler.SequentialLR(opt, [warm, cos], milestones=[2])
    loss_fn = nn.CrossEntropyLoss(label_smoothing=args.smoothing)

    start = time.time()
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for x, y in train_dl:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
                out = model(x)
            loss = loss_fn(out.float(), y)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            update_ema(ema, model, args.ema)
            total += loss.item()
        lr = opt.param_groups[0]["lr"]
        sched.step()
        if epoch % 4 == 0 or epoch == args.epochs - 1:
            tl, ta = evaluate(model, test_dl, amp)
            el, ea = evaluate(ema, test_dl, amp)
            print(f"ep {epoch:2d} lr {lr:.5f} train {total / len(train_dl):.4f} | "
                  f"test {tl:.4f} {ta:.4f} | ema {el:.4f} {ea:.4f}")
    print(f"{time.time() - start:.1f}s, weights are {model.inp.weight.dtype}, activations {out.dtype}")
    print(f"final accuracy (ema): {evaluate(ema, test_dl, amp)[1]:.4f}, "
          f"in float32: {evaluate(ema, test_dl, False)[1]:.4f}")


if __name__ == "__main__":
    main()
