import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score, label_ranking_average_precision_score
from torch.utils.data import DataLoader, TensorDataset

# ---- helpdesk tickets: bag of words -> any number of tags -------------------------------------

VOCAB, TAGS = 400, 12
rs = np.random.RandomState(3)


def tickets(n, topics, prior):
    tags = rs.rand(n, TAGS) < prior
    tags[:, 5] |= tags[:, 2] & (rs.rand(n) < 0.6)          # refunds come with invoices
    words = np.zeros((n, VOCAB), dtype=np.float32)
    background = np.full(VOCAB, 1.0 / VOCAB)
    for i in range(n):
        mix = background * 1.0 + topics[tags[i]].sum(0) * 0.55
        words[i] = rs.multinomial(rs.randint(25, 70), mix / mix.sum())
    return words, tags.astype(np.float32)


topics = rs.dirichlet(np.full(VOCAB, 0.04), size=TAGS)
prior = np.geomspace(0.35, 0.04, TAGS)
words, tags = tickets(6000, topics, prior)

order = rs.permutation(len(words))
tr, va, te = order[:4200], order[4200:5000], order[5000:]

# tf-idf, document frequencies of the training tickets
idf = np.log((1 + len(tr)) / (1 + (words[tr] > 0).sum(0))) + 1
feats = np.log1p(words) * idf
feats = (feats / np.linalg.norm(feats, axis=1, keepdims=True)).astype(np.float32)

X, Y = torch.from_numpy(feats), torch.from_numpy(tags)


class Tagger(nn.Module):
    def __init__(self, base_rate):
        super().__init__()
        self.hidden = nn.Linear(VOCAB, 96)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(96, TAGS)
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.out.bias.copy_(torch.logit(base_rate))

    def forward(self, x):
        return self.out(self.drop(torch.relu(self.hidden(x))))


torch.manual_seed(3)
model = Tagger(Y[tr].mean(0).clamp(1e-3, 1 - 1e-3))
loss_fn = nn.BCEWithLogitsLoss(reduction="none")
opt = torch.optim.AdamW([
    {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 1e-2},
    {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
], lr=4e-3)

loader = DataLoader(TensorDataset(X[tr], Y[tr]), batch_size=64, shuffle=True, drop_last=True)


def logits_of(idx):
    model.eval()
    with torch.inference_mode():
        return model(X[idx]).numpy()


def best_cuts(z, y):
    """One cut per tag, in logit space, that maximises F1 on held-out tickets."""
    cuts = np.zeros(TAGS)
    grid = np.arange(-4, 4.01, 0.1)
    for t in range(TAGS):
        scores = [f1_score(y[:, t], z[:, t] > c, zero_division=0) for c in grid]
        cuts[t] = grid[int(np.argmax(scores))]
    return cuts


for epoch in range(12):
    model.train()
    seen, acc = 0, 0.0
    for xb, yb in loader:
        loss = loss_fn(model(xb), yb).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        opt.step()
        seen += len(xb)
        acc += loss.item() * len(xb)
    z = logits_of(va)
    micro = f1_score(tags[va], z > 0, average="micro", zero_division=0)
    macro = f1_score(tags[va], z > 0, average="macro", zero_division=0)
    print(f"epoch {epoch:2d}: loss/ticket {acc / seen:.3f}  val micro-F1 {micro:.3f}  macro-F1 {macro:.3f}")

cuts = best_cuts(logits_of(va), tags[va])
z = logits_of(te)
plain, tuned = z > 0, z > cuts
print("cuts:", np.round(cuts, 1))
for name, hard in (("cut at 0 ", plain), ("tuned cut", tuned)):
    print(f"test, {name}: micro-F1 {f1_score(tags[te], hard, average='micro'):.3f}  "
          f"macro-F1 {f1_score(tags[te], hard, average='macro', zero_division=0):.3f}")
print(f"test LRAP {label_ranking_average_precision_score(tags[te][tags[te].any(1)], z[tags[te].any(1)]):.3f}, "
      f"tags per ticket {hard.sum(1).mean():.2f} predicted / {tags[te].sum(1).mean():.2f} true")
