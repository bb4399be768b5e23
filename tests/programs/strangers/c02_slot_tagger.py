# Slot tagging for little ticket-booking sentences.
# BiGRU over tokens, one tag per token (BIO scheme), span F1 on unseen sentences.
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

random.seed(5)
torch.manual_seed(5)

CITIES = "paris london new_york oslo lima cairo tokyo quito".split()
FIRST = "anna bob carla dmitri elena farid".split()
LAST = "smith jones okafor lund garcia chen".split()
DAYS = "monday tuesday wednesday thursday friday".split()
FILLER = ("please book a ticket for me to go i would like the flight on leaving from "
          "is there any seat thanks and also need with window may").split()
NOISY = CITIES[:3] + FIRST[:2] + DAYS[:2]          # words which also occur outside of slots

TAGS = ["O", "B-CITY", "B-PER", "I-PER", "B-DAY", "I-DAY"]
TAG2ID = {t: i for i, t in enumerate(TAGS)}
VOCAB = {"<pad>": 0, "<unk>": 1}
for w in CITIES + FIRST + LAST + DAYS + FILLER + ["next", "the_hotel", "mr"]:
    VOCAB.setdefault(w, len(VOCAB))
PAD = VOCAB["<pad>"]


def make_sentence():
    toks, tags = [], []

    def add(words, labels):
        toks.extend(words)
        tags.extend(labels)

    def chat(lo, hi):
        for _ in range(random.randint(lo, hi)):
            add([random.choice(FILLER)], ["O"])
            if random.random() < 0.12:             # "the_hotel paris": a name, not a slot
                add(["the_hotel", random.choice(NOISY)], ["O", "O"])

    chat(1, 5)
    slots = random.sample(["city", "per", "day"], random.randint(1, 3))
    for s in slots:
        if s == "city":
            add([random.choice(CITIES)], ["B-CITY"])
        elif s == "per":
            if random.random() < 0.5:
                add(["mr", random.choice(LAST)], ["B-PER", "I-PER"])
            else:
                add([random.choice(FIRST), random.choice(LAST)], ["B-PER", "I-PER"])
        else:
            if random.random() < 0.5:
                add(["next", random.choice(DAYS)], ["B-DAY", "I-DAY"])
            else:
                add([random.choice(DAYS)], ["B-DAY"])
        chat(1, 6)
    return toks, tags


class Tickets(Dataset):
    def __init__(self, n):
        self.items = [make_sentence() for _ in range(n)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        toks, tags = self.items[i]
        return (torch.tensor([VOCAB.get(t, 1) for t in toks]),
                torch.tensor([TAG2ID[t] for t in tags]))


def collate(batch):
    toks, tags = zip(*batch)
    lengths = torch.tensor([len(t) for t in toks])
    toks = pad_sequence(toks, batch_first=True, padding_value=PAD)
    tags = pad_sequence(tags, batch_first=True, padding_value=PAD)
    return toks, tags, lengths


class Tagger(nn.Module):
    def __init__(self, dim=32, hidden=48):
        super().__init__()
        self.emb = nn.Embedding(len(VOCAB), dim, padding_idx=PAD)
        self.drop = nn.Dropout(0.2)
        self.rnn = nn.GRU(dim, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, toks, lengths):
        x = self.drop(self.emb(toks))
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        h, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        return self.out(self.drop(h))


def spans(ids):
    found, start, kind = set(), None, None
    for i, t in enumerate([TAGS[k] for k in ids] + ["O"]):
        inside = t.startswith("I-") and kind == t[2:]
        if start is not None and not inside:
            found.add((start, i, kind))
            start, kind = None, None
        if t.startswith("B-"):
            start, kind = i, t[2:]
    return found


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    tp = fp = fn = right = total = 0
    for toks, tags, lengths in loader:
        pred = model(toks, lengths).argmax(-1)
        for p, t, n in zip(pred.tolist(), tags.tolist(), lengths.tolist()):
            a, b = spans(p[:n]), spans(t[:n])
            tp, fp, fn = tp + len(a & b), fp + len(a - b), fn + len(b - a)
            right += sum(x == y for x, y in zip(p[:n], t[:n]))
            total += n
    return 2 * tp / max(1, 2 * tp + fp + fn), right / total


train_dl = DataLoader(Tickets(1500), batch_size=32, shuffle=True, collate_fn=collate)
test_dl = DataLoader(Tickets(400), batch_size=100, collate_fn=collate)

model = Tagger()
optim = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(6):
    model.train()
    losses = []
    for toks, tags, lengths in train_dl:
        logits = model(toks, lengths)
        mask = tags.ne(PAD).float()
        per_token = F.cross_entropy(logits.transpose(1, 2), tags, reduction="none")
        loss = (per_token * mask).sum() / mask.sum()
        optim.zero_grad()
        loss.backward()
        optim.step()
        losses.append(loss.item())
    f1, acc = evaluate(model, test_dl)
    print(f"epoch {epoch}  loss {sum(losses) / len(losses):.4f}  span-F1 {f1:.4f}  token-acc {acc:.4f}")
