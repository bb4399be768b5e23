"""
Transformer encoder for review sentiment.
Toy reviews come from a little grammar with negation ("not good") and contrast ("... but ...").
"""
from dataclasses import dataclass
import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

POS = "great lovely brilliant charming funny clever superb moving fresh fine".split()
NEG = "awful dull boring clumsy silly tedious weak bland ugly poor".split()
NOUN = "plot cast script music ending camera pacing dialogue story acting".split()
ADV = "really quite very rather somewhat truly".split()


@dataclass
class Config:
    n_train: int = 3000
    n_test: int = 600
    d_model: int = 48
    heads: int = 4
    layers: int = 2
    batch: int = 64
    epochs: int = 7
    warmup: int = 80
    factor: float = 1.0
    seed: int = 5


def clause(rng):
    pol = rng.random() < 0.5
    neg = rng.random() < 0.4
    word = rng.choice(POS if pol != neg else NEG)
    toks = ["the", rng.choice(NOUN), "was"]
    if neg:
        toks.append("not")
    if rng.random() < 0.5:
        toks.append(rng.choice(ADV))
    return toks + [word], pol


def review(rng):
    toks, pol = clause(rng)
    r = rng.random()
    if r < 0.35:
        more, pol = clause(rng)
        toks = toks + ["but"] + more
    elif r < 0.65:
        more, _ = clause(rng)
        toks = ["although"] + more + [","] + toks
    if rng.random() < 0.3:
        toks = toks + ["i", "guess"]
    return toks, int(pol)


class Reviews(Dataset):
    def __init__(self, items, vocab):
        self.items = [([vocab["<cls>"]] + [vocab[t] for t in toks], y) for toks, y in items]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    length = max(len(ids) for ids, _ in batch)
    x = torch.zeros(length, len(batch), dtype=torch.long)
    for j, (ids, _) in enumerate(batch):
        x[:len(ids), j] = torch.tensor(ids)
    return x, torch.tensor([y for _, y in batch])


class Classifier(nn.Module):
    def __init__(self, cfg, n_vocab, max_len=40):
        super().__init__()
        self.tok = nn.Embedding(n_vocab, cfg.d_model, padding_idx=0)
        self.pos = nn.Parameter(torch.zeros(max_len, 1, cfg.d_model))
        layer = nn.TransformerEncoderLayer(cfg.d_model, cfg.heads, 4 * cfg.d_model, dropout=0.0)
        self.encoder = nn.TransformerEncoder(layer, cfg.layers, enable_nested_tensor=False)
        self.head = nn.Linear(cfg.d_model, 2)
        nn.init.normal_(self.pos, std=0.02)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        h = self.tok(x) + self.pos[:x.size(0)]
        h = self.encoder(h, src_key_padding_mask=(x == 0).T)
        return self.head(h[0])


def accuracy(model, loader):
    hits = n = 0
    with torch.inference_mode():
        for x, y in loader:
            hits += (model(x).argmax(-1) == y).sum().item()
            n += y.numel()
    return hits / n


def main(cfg):
    rng = random.Random(cfg.seed)
    torch.manual_seed(cfg.seed)
    seen, data = set(), []
    while len(data) < cfg.n_train + cfg.n_test:
        toks, y = review(rng)
        key = " ".join(toks)
        if key not in seen:
            seen.add(key)
            data.append((toks, y))
    train, test = data[:cfg.n_train], data[cfg.n_train:]
    vocab = {"<pad>": 0, "<cls>": 1}
    for toks, _ in data:
        for t in toks:
            vocab.setdefault(t, len(vocab))

    train_dl = DataLoader(Reviews(train, vocab), cfg.batch, shuffle=True, collate_fn=collate)
    test_dl = DataLoader(Reviews(test, vocab), 200, collate_fn=collate)
    model = Classifier(cfg, len(vocab))
    print("vocab", len(vocab), "params", sum(p.numel() for p in model.parameters()))

    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.factor, betas=(0.9, 0.98), eps=1e-9)
    noam = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda s: cfg.d_model ** -0.5 * min((s + 1) ** -0.5, (s + 1) * cfg.warmup ** -1.5) * 0.2)
    loss_fn = nn.CrossEntropyLoss()

    for epoch in range(cfg.epochs):
        running = 0.0
        for x, y in train_dl:
            loss = loss_fn(model(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            noam.step()
            running += loss.item() * y.numel()
        print(f"epoch {epoch} lr {noam.get_last_lr()[0]:.5f} loss {running / cfg.n_train:.4f} "
              f"train {accuracy(model, train_dl):.3f} test {accuracy(model, test_dl):.3f}")


if __name__ == "__main__":
    main(Config())
