"""A little grammar that writes sentences with ambiguous words; the tag of such a word hangs on its neighbours."""
import random

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, Sampler

TAGS = ["<pad>", "DET", "ADJ", "NOUN", "VERB", "ADV", "PREP", "CONJ"]
NEXT = {
    "DET": [("ADJ", 0.4), ("NOUN", 0.6)],
    "ADJ": [("ADJ", 0.15), ("NOUN", 0.85)],
    "NOUN": [("VERB", 0.55), ("PREP", 0.25), ("CONJ", 0.2)],
    "VERB": [("DET", 0.45), ("ADV", 0.3), ("PREP", 0.15), ("ADJ", 0.1)],
    "ADV": [("DET", 0.4), ("PREP", 0.4), ("CONJ", 0.2)],
    "PREP": [("DET", 0.7), ("NOUN", 0.3)],
    "CONJ": [("DET", 0.7), ("VERB", 0.3)],
}
OPEN = ("ADJ", "NOUN", "VERB", "ADV")


def build_lexicon(rng, shared=140, own=25):
    lex = {t: [f"{t.lower()}{i}" for i in range(own if t in OPEN else 4)] for t in TAGS[1:]}
    for i in range(shared):
        for t in rng.sample(OPEN, 2):
            lex[t].append(f"word{i}")
    return lex


def sentence(rng, lex):
    n = min(45, 3 + int(rng.expovariate(1 / 8.0)))
    tag = rng.choice(["DET", "NOUN", "ADV"])
    words, tags = [], []
    for _ in range(n):
        words.append(rng.choice(lex[tag]))
        tags.append(tag)
        opts, w = zip(*NEXT[tag])
        tag = rng.choices(opts, w)[0]
    return words, tags


class Sentences(Dataset):
    def __init__(self, pairs, vocab):
        unk = vocab["<unk>"]
        self.items = [(torch.tensor([vocab.get(w, unk) for w in ws]), torch.tensor([TAGS.index(t) for t in ts]))
                      for ws, ts in pairs]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Pools(Sampler):
    """Shuffled batches of roughly equal length."""

    def __init__(self, lengths, batch, seed):
        self.lengths, self.batch, self.rng = lengths, batch, random.Random(seed)

    def __iter__(self):
        order = sorted(range(len(self.lengths)), key=lambda i: self.lengths[i] + self.rng.random() * 4)
        chunks = [order[i:i + self.batch] for i in range(0, len(order), self.batch)]
        self.rng.shuffle(chunks)
        yield from chunks

    def __len__(self):
        return -(-len(self.lengths) // self.batch)


def collate(items):
    lengths = torch.tensor([len(w) for w, _ in items])
    words = pad_sequence([w for w, _ in items], batch_first=True)
    tags = pad_sequence([t for _, t in items], batch_first=True)
    return words, tags, lengths


def load(seed=0, n_train=700, n_dev=250):
    rng = random.Random(seed)
    lex = build_lexicon(rng)
    train = [sentence(rng, lex) for _ in range(n_train)]
    dev = [sentence(rng, lex) for _ in range(n_dev)]
    vocab = {"<pad>": 0, "<unk>": 1}
    for ws, _ in train:
        for w in ws:
            vocab.setdefault(w, len(vocab))
    return Sentences(train, vocab), Sentences(dev, vocab), vocab
