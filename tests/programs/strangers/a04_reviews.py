import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 1234
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

POS = "great lovely superb crisp tasty friendly quick perfect".split()
NEG = "awful bland rude slow greasy cold dirty terrible".split()
FILL = "the a food service place was and we went there table very really with my it to".split()
NOT = ["not", "never", "hardly"]


def make_review():
    """Opinion words, some of them negated; label is the overall polarity."""
    while True:
        words, score = [], 0
        for _ in range(random.randint(1, 3)):
            words += random.choices(FILL, k=random.randint(1, 3))
            good = random.random() < 0.5
            flipped = random.random() < 0.35
            if flipped:
                words.append(random.choice(NOT))
            words.append(random.choice(POS if good else NEG))
            score += 1 if good != flipped else -1
        if score != 0:
            return words, int(score > 0)


corpus = [make_review() for _ in range(2600)]
vocab = {"<pad>": 0}
for words, _ in corpus[:2000]:
    for w in words:
        vocab.setdefault(w, len(vocab))
UNK = len(vocab)

MAXLEN = 16


def encode(words):
    ids = [vocab.get(w, UNK) for w in words][:MAXLEN]
    return [0] * (MAXLEN - len(ids)) + ids  # pad on the left


X = torch.tensor([encode(w) for w, _ in corpus])
y = torch.tensor([l for _, l in corpus], dtype=torch.float32)
train_dl = DataLoader(TensorDataset(X[:2000], y[:2000]), batch_size=40, shuffle=True)
test_dl = DataLoader(TensorDataset(X[2000:], y[2000:]), batch_size=40)


class SentimentRNN(nn.Module):
    def __init__(self, n_vocab, emb=24, hid=48):
        super().__init__()
        self.embedding = nn.Embedding(n_vocab, emb, padding_idx=0)
        self.lstm = nn.LSTM(emb, hid, num_layers=1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(hid, 1)

    def forward(self, x):
        e = self.embedding(x)
        out, _ = self.lstm(e)
        last = out[:, -1, :]
        return self.fc(self.dropout(last)).squeeze(1)


model = SentimentRNN(len(vocab) + 1)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(1, 9):
    model.train()
    epoch_loss, count = 0.0, 0
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        epoch_loss += loss.item() * xb.size(0)
        count += xb.size(0)

    model.eval()
    hits = 0
    with torch.no_grad():
        for xb, yb in test_dl:
            hits += ((model(xb) > 0).float() == yb).sum().item()
    print("Epoch {}: train loss {:.4f}, test acc {:.2%}".format(epoch, epoch_loss / count, hits / 600))
