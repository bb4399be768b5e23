"""SimSiam on small digit images, judged by a linear probe on few labels."""
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def augment(x):
    """Random small affine warp per image, then noise, contrast and a cut-out patch."""
    n = len(x)
    ang = (torch.rand(n) - 0.5) * 0.6
    scale = 1 + (torch.rand(n) - 0.5) * 0.4
    shear = (torch.rand(n) - 0.5) * 0.3
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = scale * ang.cos()
    theta[:, 0, 1] = -scale * ang.sin() + shear
    theta[:, 1, 0] = scale * ang.sin()
    theta[:, 1, 1] = scale * ang.cos()
    theta[:, :, 2] = (torch.rand(n, 2) - 0.5) * 0.5
    x = F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False)
    x = x * (0.7 + 0.6 * torch.rand(n, 1, 1, 1)) + 0.08 * torch.randn_like(x)
    cx, cy = torch.randint(0, 7, (2, n, 1, 1))
    gy, gx = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    hole = ((gx - cx).clamp(min=0) <= 1) & (gx >= cx) & (gy >= cy) & (gy <= cy + 1)
    return x.masked_fill(hole[:, None], 0.0)


class Encoder(nn.Module):
    def __init__(self, out=96):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
            nn.Conv2d(24, 48, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(),
            nn.Conv2d(48, out, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
            nn.Flatten(), nn.Linear(4 * out, out))

    def forward(self, x):
        return self.body(x)


class SimSiam(nn.Module):
    def __init__(self, dim=96):
        super().__init__()
        self.encoder = Encoder(dim)
        self.project = nn.Sequential(
            nn.BatchNorm1d(dim), nn.ReLU(), nn.Linear(dim, dim, bias=False), nn.BatchNorm1d(dim, affine=False))
        self.predict = nn.Sequential(
            nn.Linear(dim, dim // 4, bias=False), nn.BatchNorm1d(dim // 4), nn.ReLU(), nn.Linear(dim // 4, dim))

    def forward(self, a, b):
        za, zb = self.project(self.encoder(a)), self.project(self.encoder(b))
        pa, pb = self.predict(za), self.predict(zb)
        loss = -0.5 * (F.cosine_similarity(pa, zb.detach()).mean() + F.cosine_similarity(pb, za.detach()).mean())
        spread = F.normalize(za.detach(), dim=1).std(0).mean() * math.sqrt(za.shape[1])
        return loss, spread


def probe(encoder, x_lab, y_lab, x_te, y_te):
    was = encoder.training
    encoder.eval()
    with torch.no_grad():
        f, g = encoder(x_lab), encoder(x_te)
    encoder.train(was)
    mu, sd = f.mean(0), f.std(0) + 1e-5
    f, g = (f - mu) / sd, (g - mu) / sd
    lin = nn.Linear(f.shape[1], 10)
    opt = torch.optim.LBFGS(lin.parameters(), lr=1.0, max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        opt.zero_grad()
        loss = F.cross_entropy(lin(f), y_lab) + 5e-3 * lin.weight.square().sum()
        loss.backward()
        return loss

    opt.step(closure)
    return (lin(g).argmax(1) == y_te).float().mean().item()


def main():
    torch.manual_seed(4)
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    y = torch.tensor(y)
    i_tr, i_te = train_test_split(range(len(y)), test_size=0.3, stratify=y, random_state=4)
    x_tr, x_te = X[i_tr], X[i_te]
    i_lab = torch.cat([(y[i_tr] == c).nonzero()[:8, 0] for c in range(10)])
    labelled = (x_tr[i_lab], y[i_tr][i_lab], x_te, y[i_te])

    net = SimSiam()
    base_lr, epochs = 0.08, 30
    opt = torch.optim.SGD(
        [{"params": [*net.encoder.parameters(), *net.project.parameters()], "fix": False},
         {"params": net.predict.parameters(), "fix": True}],
        lr=base_lr, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(TensorDataset(x_tr), batch_size=128, shuffle=True, drop_last=True)
    print(f"linear probe on 80 labels, random encoder: {probe(net.encoder, *labelled):.4f}")
    for epoch in range(epochs):
        for g in opt.param_groups:
            g["lr"] = base_lr if g["fix"] else base_lr * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
        net.train()
        tot, spr = 0.0, 0.0
        for (x,) in loader:
            loss, spread = net(augment(x), augment(x))
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot, spr = tot + loss.item(), spr + spread.item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:3d}  loss {tot / len(loader):.4f}  spread {spr / len(loader):.3f}"
                  f"  probe {probe(net.encoder, *labelled):.4f}")


if __name__ == "__main__":
    main()
