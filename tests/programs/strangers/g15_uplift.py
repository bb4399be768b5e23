"""Which customers should get the voucher? Two-headed uplift network (TARNet) on a randomised campaign."""
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

SEED = 12


def campaign(n, rng):
    """Assignment is a coin flip, 40 % treated. The effect is negative for some ('sleeping dogs')."""
    x = rng.normal(size=(n, 12)).astype(np.float32)
    base = -1.0 + 0.8 * x[:, 0] + 0.6 * np.abs(x[:, 1]) - 0.5 * x[:, 2] * x[:, 3]
    effect = 0.3 + 1.1 * np.tanh(1.5 * x[:, 4]) * (x[:, 5] > -0.5) - 0.9 * (x[:, 0] > 1.0)
    t = (rng.random(n) < 0.4).astype(np.float32)
    p0, p1 = 1 / (1 + np.exp(-base)), 1 / (1 + np.exp(-(base + effect)))
    y = (rng.random(n) < np.where(t == 1, p1, p0)).astype(np.float32)
    return x, t, y, p1 - p0


class TARNet(nn.Module):
    def __init__(self, d, width=64):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(d, width), nn.ELU(), nn.Linear(width, width), nn.ELU())
        self.head = nn.ModuleDict({
            "control": nn.Sequential(nn.Linear(width, 32), nn.ELU(), nn.Linear(32, 1)),
            "treated": nn.Sequential(nn.Linear(width, 32), nn.ELU(), nn.Linear(32, 1)),
        })

    def forward(self, x):
        h = self.shared(x)
        return self.head["control"](h).squeeze(-1), self.head["treated"](h).squeeze(-1)

    @torch.no_grad()
    def uplift(self, x):
        z0, z1 = self(x)
        return torch.sigmoid(z1) - torch.sigmoid(z0)


def factual_loss(net, x, t, y):
    """Only the outcome that happened is known: each row trains the head of its own arm."""
    z0, z1 = net(x)
    return bce(torch.where(t == 1, z1, z0), y)


def qini(score, t, y):
    """Area between the Qini curve and the diagonal, per customer."""
    order = np.argsort(-score, kind="stable")
    t, y = t[order], y[order]
    nt, nc = np.cumsum(t), np.cumsum(1 - t)
    gain = np.cumsum(y * t) - np.cumsum(y * (1 - t)) * nt / np.maximum(nc, 1)
    diagonal = np.linspace(0, 1, len(gain)) * gain[-1]
    return float(np.mean(gain - diagonal) / len(gain))


def fit(net, data, val, epochs=14, batch=256):
    x, t, y = (torch.from_numpy(a) for a in data)
    opt = torch.optim.AdamW(net.parameters(), lr=1.5e-3, weight_decay=1e-2)
    best = (float("inf"), None)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(batch):
            opt.zero_grad(set_to_none=True)
            loss = factual_loss(net, x[rows], t[rows], y[rows])
            loss.backward()
            opt.step()
            total += loss.item() * len(rows)
        net.eval()
        with torch.no_grad():
            v = factual_loss(net, *(torch.from_numpy(a) for a in val)).item()
        if v < best[0]:
            best = (v, {k: p.detach().clone() for k, p in net.state_dict().items()})
        print(f"epoch {epoch + 1:2d}  train {total / len(x):.4f}  val {v:.4f}{'  <' if v == best[0] else ''}")
    net.load_state_dict(best[1])
    net.eval()
    return net


def t_learner(data, x_new):
    x, t, y = data
    arms = [LogisticRegression(max_iter=500).fit(x[t == a], y[t == a]) for a in (0, 1)]
    return arms[1].predict_proba(x_new)[:, 1] - arms[0].predict_proba(x_new)[:, 1]


def main():
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    *train, _ = campaign(16000, rng)
    *val, _ = campaign(4000, rng)
    x_te, t_te, y_te, true_te = campaign(20000, rng)

    net = fit(TARNet(x_te.shape[1]), train, val)
    scores = {
        "random": rng.random(len(x_te)),
        "response model": LogisticRegression(max_iter=500).fit(train[0], train[2]).predict_proba(x_te)[:, 1],
        "T-learner (logistic)": t_learner(train, x_te),
        "TARNet": net.uplift(torch.from_numpy(x_te)).numpy(),
        "true effect": true_te,
    }
    print(f"\n{'ranking':22s} {'Qini':>8s}  effect in the top 30 %  corr. with truth")
    for name, s in scores.items():
        top = np.argsort(-s)[:int(0.3 * len(s))]
        ate = y_te[top][t_te[top] == 1].mean() - y_te[top][t_te[top] == 0].mean()
        print(f"{name:22s} {qini(s, t_te, y_te):8.4f}  {ate:22.3f}  {np.corrcoef(s, true_te)[0, 1]:16.2f}")


if __name__ == "__main__":
    main()
