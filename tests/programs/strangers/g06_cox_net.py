"""
Neural Cox regression on a simulated heart-failure registry.

Follow-up in months, event = death; the sicker ones are often transferred
to another centre before (which ends their follow-up).
Reported: Harrell's C on patients that were not used for fitting, against the linear predictor.
"""
import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn

RNG = np.random.default_rng(17)
torch.manual_seed(17)


def registry(n=2400):
    age = RNG.normal(68, 10, n)
    ef = np.clip(RNG.normal(40, 12, n), 10, 70)                 # ejection fraction
    creat = RNG.lognormal(0.1, 0.35, n)
    sodium = RNG.normal(138, 4, n)
    noise = RNG.normal(0, 1, (n, 4))
    risk = (0.05 * (age - 68) + 0.9 * np.maximum(0, (38 - ef) / 10)
            + 1.1 * np.abs(sodium - 139) / 4 * (creat > 1.1) + 0.6 * np.log(creat))
    death = RNG.exponential(1, n) ** (1 / 1.3) * 40 * np.exp(-risk / 1.3)
    leave = RNG.exponential(45, n) * np.exp(-0.7 * risk)
    leave = np.minimum(leave, 120.0)
    time, event = np.minimum(death, leave), death <= leave
    return np.column_stack([age, ef, creat, sodium, noise]), time, event.astype(np.float64)


def harrell_c(time, event, score):
    """Share of comparable pairs in which the one who dies first has the higher score."""
    earlier = (time[:, None] < time[None, :]) & (event[:, None] == 1)
    higher = score[:, None] > score[None, :]
    tied = score[:, None] == score[None, :]
    return (earlier * (higher + 0.5 * tied)).sum() / earlier.sum()


def partial_likelihood(score, event):
    """Negative Cox log partial likelihood; patients come longest follow-up first,
    so that the risk set of a patient is everybody up to and including his row."""
    log_risk = torch.logcumsumexp(score, dim=0)
    return -((score - log_risk) * event).sum() / event.sum().clamp(min=1)


class RiskNet(nn.Module):
    def __init__(self, p, hidden=32, drop=0.1):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(p, hidden), nn.ELU(), nn.Dropout(drop),
            nn.Linear(hidden, hidden), nn.ELU(), nn.Dropout(drop),
            nn.Linear(hidden, 1, bias=False))

    def forward(self, x):
        return self.net(x).squeeze(-1)


def fit(model, x, time, event, val, epochs=25, batch=128, lr=2e-3):
    order = np.argsort(-time)
    x = torch.tensor(x[order], dtype=torch.float32)
    event = torch.tensor(event[order], dtype=torch.float32)
    opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-3)
    for epoch in range(epochs):
        model.train()
        losses = []
        shuffled = torch.randperm(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            rows = shuffled[start:start + batch]
            loss = partial_likelihood(model(x[rows]), event[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 5 == 4:
            c = harrell_c(*val[1:], predict(model, val[0]))
            print(f"  epoch {epoch + 1:3d}: -log PL {np.mean(losses):.4f}   C (validation) {c:.3f}")
    return model


@torch.no_grad()
def predict(model, x):
    model.eval()
    return model(torch.tensor(x, dtype=torch.float32)).numpy()


def linear_cox(x, time, event, steps=150):
    """Ordinary Cox model on the full risk sets, first-order steps on beta instead of Newton."""
    order = np.argsort(-time)
    xt = torch.tensor(x[order], dtype=torch.float32)
    et = torch.tensor(event[order], dtype=torch.float32)
    beta = torch.zeros(x.shape[1], requires_grad=True)
    opt = torch.optim.Adam([beta], lr=0.05)
    for _ in range(steps):
        opt.zero_grad()
        partial_likelihood(xt @ beta, et).backward()
        opt.step()
    return beta.detach().numpy()


def main():
    x, time, event = registry()
    x_tr, x_te, t_tr, t_te, e_tr, e_te = train_test_split(x, time, event, test_size=0.3, random_state=1)
    x_tr, x_va, t_tr, t_va, e_tr, e_va = train_test_split(x_tr, t_tr, e_tr, test_size=0.15, random_state=1)
    mu, sd = x_tr.mean(0), x_tr.std(0)
    x_tr, x_va, x_te = ((a - mu) / sd for a in (x_tr, x_va, x_te))
    print(f"{len(x_tr)} / {len(x_va)} / {len(x_te)} patients, {e_tr.mean():.0%} deaths observed, "
          f"median follow-up {np.median(t_tr):.1f} months")

    beta = linear_cox(x_tr, t_tr, e_tr)
    model = fit(RiskNet(x.shape[1]), x_tr, t_tr, e_tr, val=(x_va, t_va, e_va))

    score = predict(model, x_te)
    print(f"C on the test patients: linear Cox {harrell_c(t_te, e_te, x_te @ beta):.3f}, "
          f"network {harrell_c(t_te, e_te, score):.3f}")
    cut = np.quantile(predict(model, x_tr), [1 / 3, 2 / 3])
    for g, name in enumerate(("low", "middle", "high")):
        members = np.digitize(score, cut) == g
        print(f"  {name:6s} risk: n={members.sum():4d}  deaths per 100 patient-months "
              f"{100 * e_te[members].sum() / t_te[members].sum():.2f}")


if __name__ == "__main__":
    main()
