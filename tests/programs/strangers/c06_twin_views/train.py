"""
Self-supervised features for the digits images (no labels during training).
A logistic regression on 100 labelled images scores the frozen encoder.

    python train.py
"""
import math

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.pipeline import make_pipeline

from model import TwinViews

SEED, EPOCHS, BATCH, LR = 7, 24, 128, 2e-3


def random_view(x):
    """small rotation/scale/shift by grid_sample, then gain and noise; one draw per image"""
    n = len(x)
    angle = (torch.rand(n) - 0.5) * 0.6
    scale = 1 + (torch.rand(n) - 0.5) * 0.4
    cos, sin = angle.cos() * scale, angle.sin() * scale
    shift = (torch.rand(n, 2) - 0.5) * 0.5
    theta = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1),
                         torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    out = F.grid_sample(x, grid, align_corners=False)
    gain = 0.7 + 0.6 * torch.rand(n, 1, 1, 1)
    return out * gain + 0.05 * torch.randn_like(out)


@torch.no_grad()
def features(net, x):
    was_training = net.training
    net.eval()
    f = net.encoder(x)
    net.train(was_training)
    return f


def probe(net, x_lab, y_lab, x_te, y_te):
    f_lab, f_te = features(net, x_lab).numpy(), features(net, x_te).numpy()
    clf = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, C=0.1))
    return clf.fit(f_lab, y_lab).score(f_te, y_te), float(f_te.std(0).mean())


def main():
    torch.manual_seed(SEED)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.3, random_state=SEED, stratify=y)
    labelled = np.concatenate([np.flatnonzero(y_tr == c)[:10] for c in range(10)])
    sup = (x_tr[labelled], y_tr[labelled], x_te, y_te)

    net = TwinViews()
    opt = torch.optim.AdamW(net.trainable(), lr=LR, weight_decay=1e-4)
    steps_per_epoch = len(x_tr) // BATCH
    total = EPOCHS * steps_per_epoch
    print("untrained encoder: probe %.4f (feature std %.3f)" % probe(net, *sup))

    step = 0
    for epoch in range(EPOCHS):
        net.train()
        mean_loss = 0.0
        for idx in torch.randperm(len(x_tr))[: steps_per_epoch * BATCH].view(-1, BATCH):
            net.tau = 1 - 0.03 * (math.cos(math.pi * step / total) + 1) / 2
            loss = net.loss(random_view(x_tr[idx]), random_view(x_tr[idx]))
            opt.zero_grad()
            loss.backward()
            opt.step()
            net.move_target()
            step += 1
            mean_loss += loss.item() / steps_per_epoch
        if epoch % 4 == 3:
            acc, spread = probe(net, *sup)
            print(f"epoch {epoch + 1:2d}  loss {mean_loss:.4f}  probe {acc:.4f}  feature std {spread:.3f}")

    raw = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, C=0.1))
    raw.fit(x_tr[labelled].flatten(1).numpy(), y_tr[labelled])
    print("raw pixels: probe %.4f" % raw.score(x_te.flatten(1).numpy(), y_te))
    print("final probe %.4f" % probe(net, *sup)[0])


if __name__ == "__main__":
    main()
