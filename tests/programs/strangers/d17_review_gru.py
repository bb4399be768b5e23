"""Sentiment of short generated reviews with a bidirectional GRU over packed sequences."""
import random
from collections import Counter

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

PAD, UNK = '<pad>', '<unk>'
GOOD = ['great', 'lovely', 'clever', 'moving', 'superb', 'funny', 'warm']
BAD = ['dull', 'awful', 'clumsy', 'boring', 'weak', 'noisy', 'cold']
THINGS = ['plot', 'cast', 'music', 'script', 'ending', 'camera work', 'first half', 'lead']
FILLER = ['honestly', 'well', 'you know', 'to be fair', 'as ever', 'in my view']


def make_review(rng):
    """Two or three clauses; the label is the sign of their (possibly negated) sum."""
    while True:
        score, clauses = 0, []
        for _ in range(rng.randint(1, 4)):
            positive, negated = rng.random() < 0.5, rng.random() < 0.35
            word = rng.choice(GOOD if positive else BAD)
            link = 'is not' if negated else 'is'
            clause = f'the {rng.choice(THINGS)} {link} {word}'
            if rng.random() < 0.4:
                clause = f'{rng.choice(FILLER)} {clause}'
            clauses.append(clause)
            score += 1 if positive != negated else -1
        if score != 0:
            return ' and '.join(clauses).split(), int(score > 0)


class Vocab:
    def __init__(self, sentences, min_freq=2):
        counter = Counter(tok for s in sentences for tok in s)
        self.itos = [PAD, UNK] + sorted(t for t, c in counter.items() if c >= min_freq)
        self.stoi = {t: i for i, t in enumerate(self.itos)}

    def __len__(self):
        return len(self.itos)

    def __getitem__(self, tokens):
        return [self.stoi.get(t, 1) for t in tokens]


def collate(batch):
    seqs, labels = zip(*batch)
    lengths = torch.tensor([len(s) for s in seqs])
    padded = pad_sequence([torch.tensor(s) for s in seqs], batch_first=True, padding_value=0)
    return padded, lengths, torch.tensor(labels)


def load_data(batch_size, seed):
    rng = random.Random(seed)
    seen, reviews = set(), []
    while len(reviews) < 4200:
        tokens, label = make_review(rng)
        key = ' '.join(tokens)
        if key not in seen:
            seen.add(key)
            reviews.append((tokens, label))
    train, test = reviews[:3200], reviews[3200:]
    vocab = Vocab([t for t, _ in train])
    encode = lambda part: [(vocab[t], y) for t, y in part]
    train_iter = DataLoader(encode(train), batch_size, shuffle=True, collate_fn=collate)
    test_iter = DataLoader(encode(test), 250, collate_fn=collate)
    return train_iter, test_iter, vocab


class BiGRU(nn.Module):
    def __init__(self, vocab_size, embed_size, num_hiddens, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size, padding_idx=0)
        self.encoder = nn.GRU(embed_size, num_hiddens, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.2)
        self.decoder = nn.Linear(2 * num_hiddens, num_classes)

    def forward(self, inputs, lengths):
        embeddings = self.dropout(self.embedding(inputs))
        packed = pack_padded_sequence(embeddings, lengths, batch_first=True, enforce_sorted=False)
        _, hidden = self.encoder(packed)
        encoding = torch.cat((hidden[0], hidden[1]), dim=1)
        return self.decoder(self.dropout(encoding))


class Accumulator:
    def __init__(self, n):
        self.data = [0.0] * n

    def add(self, *args):
        self.data = [a + float(b) for a, b in zip(self.data, args)]

    def __getitem__(self, idx):
        return self.data[idx]


def accuracy(y_hat, y):
    return float((y_hat.argmax(dim=1) == y).sum())


def evaluate_accuracy(net, data_iter):
    net.eval()
    metric = Accumulator(2)
    with torch.no_grad():
        for X, lengths, y in data_iter:
            metric.add(accuracy(net(X, lengths), y), y.numel())
    return metric[0] / metric[1]


def train_epoch(net, train_iter, loss, updater):
    net.train()
    metric = Accumulator(3)
    for X, lengths, y in train_iter:
        y_hat = net(X, lengths)
        l = loss(y_hat, y)
        updater.zero_grad()
        l.mean().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        updater.step()
        metric.add(l.detach().sum(), accuracy(y_hat, y), y.numel())
    return metric[0] / metric[2], metric[1] / metric[2]


def train(net, train_iter, test_iter, loss, num_epochs, updater):
    for epoch in range(num_epochs):
        train_loss, train_acc = train_epoch(net, train_iter, loss, updater)
        test_acc = evaluate_accuracy(net, test_iter)
        print(f'epoch {epoch + 1}, loss {train_loss:.4f}, train acc {train_acc:.3f}, '
              f'test acc {test_acc:.3f}')
    return test_acc


def main():
    torch.manual_seed(17)
    train_iter, test_iter, vocab = load_data(batch_size=64, seed=17)
    print(f'{len(vocab)} tokens')
    net = BiGRU(len(vocab), embed_size=24, num_hiddens=40, num_classes=2)
    loss = nn.CrossEntropyLoss(reduction='none')
    updater = torch.optim.Adam(net.parameters(), lr=4e-3)
    test_acc = train(net, train_iter, test_iter, loss, 6, updater)
    ones = sum(int(y.sum()) for _, _, y in test_iter) / len(test_iter.dataset)
    print(f'majority {max(ones, 1 - ones):.3f}, final test accuracy {test_acc:.4f}')


if __name__ == '__main__':
    main()
