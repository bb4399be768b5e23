import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

PAD_TAG = -100
TAGS = ["O", "NAME", "CITY", "DATE", "VERB"]

LEX = {
    "first": "ana bob carl dora eve finn".split(),
    "last": "adams brown clark davis evans paris london".split(),
    "city": "paris london rome oslo lima york".split(),
    "month": "january march may june august".split(),
    "verb": "visited left saw reached may".split(),
    "other": "the a with his friend quickly again and then".split(),
}


def sentence(rng):
    toks, tags = [], []

    def add(word, tag):
        toks.append(word)
        tags.append(TAGS.index(tag))

    for _ in range(rng.randint(1, 3)):
        for _ in range(rng.randint(0, 2)):
            add(rng.choice(LEX["other"]), "O")
        add(rng.choice(LEX["first"]), "NAME")
        if rng.random() < 0.5:
            add(rng.choice(LEX["last"]), "NAME")
        add(rng.choice(LEX["verb"]), "VERB")
        add(rng.choice(LEX["city"]), "CITY")
        if rng.random() < 0.5:
            add("in", "O")
            add(rng.choice(LEX["month"]), "DATE")
    return toks, tags


class Sentences(Dataset):
    def __init__(self, n, seed, vocab=None):
        rng = random.Random(seed)
        self.items = [sentence(rng) for _ in range(n)]
        if vocab is None:
            words = sorted({w for toks, _ in self.items for w in toks})
            vocab = {w: i + 2 for i, w in enumerate(words)}  # 0 pad, 1 unknown
        self.vocab = vocab

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        toks, tags = self.items[i]
        return torch.tensor([self.vocab.get(w, 1) for w in toks]), torch.tensor(tags)


def collate(batch):
    xs, ys = zip(*batch)
    return (
        pad_sequence(xs, batch_first=True, padding_value=0),
        pad_sequence(ys, batch_first=True, padding_value=PAD_TAG),
    )


class Tagger(nn.Module):
    def __init__(self, n_words, n_tags, dim=32, hidden=32):
        super().__init__()
        self.emb = nn.Embedding(n_words, dim, padding_idx=0)
        self.rnn = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, n_tags)

    def forward(self, x):
        lengths = (x != 0).sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(self.emb(x), lengths, batch_first=True, enforce_sorted=False)
        h, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=x.size(1))
        return self.out(h)


def tag_loss(scores, gold):
    b, t, c = scores.shape
    return F.cross_entropy(scores.reshape(b, c, t), gold, ignore_index=PAD_TAG)


def evaluate(model, loader):
    model.eval()
    ok = n = 0
    with torch.no_grad():
        for x, y in loader:
            pred = model(x).argmax(-1)
            real = y != PAD_TAG
            ok += (pred[real] == y[real]).sum().item()
            n += real.sum().item()
    return ok / n


if __name__ == "__main__":
    torch.manual_seed(2)
    train_ds = Sentences(1216, seed=10)
    test_ds = Sentences(300, seed=11, vocab=train_ds.vocab)
    train_dl = DataLoader(train_ds, batch_size=32, shuffle=True, collate_fn=collate)
    test_dl = DataLoader(test_ds, batch_size=64, collate_fn=collate)
    model = Tagger(len(train_ds.vocab) + 2, len(TAGS))
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(6):
        model.train()
        tot = 0.0
        for x, y in train_dl:
            opt.zero_grad()
            loss = tag_loss(model(x), y)
            loss.backward()
            opt.step()
            tot += loss.item()
        print(f"epoch {epoch}: loss {tot / len(train_dl):.4f}, token accuracy {evaluate(model, test_dl):.4f}")
