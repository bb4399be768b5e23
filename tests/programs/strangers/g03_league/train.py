"""Fit on all seasons but the last, then forecast the last one.   python train.py"""
import torch
from matches import SEASONS, MatchDataset, play_history
from model import GoalModel, outcome_probs
from torch import nn
from torch.utils.data import DataLoader

torch.manual_seed(11)

rows = play_history(seed=5)
train_set = MatchDataset([r for r in rows if r[0] < SEASONS - 2])
valid_set = MatchDataset([r for r in rows if r[0] == SEASONS - 2])
test_set = MatchDataset([r for r in rows if r[0] == SEASONS - 1])
print(f"{len(train_set)} matches to learn from, {len(train_set.clubs)} clubs; "
      f"{len(valid_set)} / {len(test_set)} matches in the last two seasons")

model = GoalModel(n_clubs=len(train_set.clubs))
criterion = nn.PoissonNLLLoss(log_input=True, full=True)
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-4)
loader = DataLoader(train_set, batch_size=64, shuffle=True)


@torch.no_grad()
def score(ds):
    model.eval()
    log_rates = model(ds.home, ds.away, ds.rest)
    nll = criterion(log_rates, ds.goals).item()
    probs = outcome_probs(log_rates)
    margin = ds.goals[:, 0] - ds.goals[:, 1]
    result = 1 - torch.sign(margin).long()
    log_loss = -probs.gather(1, result.unsqueeze(1)).log().mean().item()
    hit = (probs.argmax(1) == result).float().mean().item()
    return nll, log_loss, hit


for epoch in range(1, 21):
    model.train()
    total = 0.0
    for home, away, rest, goals in loader:
        optimizer.zero_grad()
        loss = criterion(model(home, away, rest), goals)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(home)
    if epoch % 4 == 0:
        nll, ll, hit = score(valid_set)
        print(f"epoch {epoch:3d}  train nll {total / len(train_set):.4f}  "
              f"valid nll {nll:.4f}  1X2 log loss {ll:.4f}  tips right {hit:.1%}")

nll, ll, hit = score(test_set)
print(f"last season: nll {nll:.4f}, 1X2 log loss {ll:.4f}, tips right {hit:.1%}")

with torch.no_grad():
    strength = []
    everyone = torch.arange(len(train_set.clubs))
    for i, name in enumerate(train_set.clubs):
        me = torch.full_like(everyone, i)
        rates = model(me, everyone, torch.zeros(len(everyone))).exp()
        strength.append((float((rates[:, 0] - rates[:, 1]).mean()), str(name)))
for gd, name in sorted(strength, reverse=True)[:5]:
    print(f"  {name:14s} expected goal difference at home {gd:+.2f}")
