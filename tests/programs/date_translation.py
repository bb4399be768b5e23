"""Turn dates that people write into ISO dates: sequence to sequence with attention.

'Tuesday 3 March 1987', 'mar 3, 87', '03.03.1987' -> '1987-03-03'. Packed encoder, additive attention, teacher forcing that
fades away, greedy decoding at evaluation.
"""
import datetime
import random
import string

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader

PAD, SOS, EOS = 0, 1, 2
CHARS = string.ascii_lowercase + string.digits + " ,.-/"
TO_ID = {c: i + 3 for i, c in enumerate(CHARS)}
VOCAB = len(CHARS) + 3
FORMATS = ["%d %b %Y", "%b %d, %Y", "%d.%m.%Y", "%A %d %B %Y", "%Y/%m/%d", "%B %d %y"]


def encode(text):
    return torch.tensor([TO_ID[c] for c in text.lower()] + [EOS])


def make_pairs(n, seed):
    rng = random.Random(seed)
    start = datetime.date(1970, 1, 1).toordinal()
    dates = [datetime.date.fromordinal(start + rng.randrange(365 * 60)) for _ in range(n)]
    return [(encode(d.strftime(rng.choice(FORMATS))), encode(d.isoformat())) for d in dates]


def collate(pairs):
    source, target = zip(*pairs)
    lengths = torch.tensor([len(s) for s in source])
    return pad_sequence(source, batch_first=True), lengths, pad_sequence(target, batch_first=True)


class Encoder(nn.Module):
    def __init__(self, embed, hidden):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, embed, padding_idx=PAD)
        self.gru = nn.GRU(embed, hidden, batch_first=True, bidirectional=True)
        self.join = nn.Linear(2 * hidden, hidden)

    def forward(self, source, lengths):
        packed = pack_padded_sequence(self.embedding(source), lengths, batch_first=True, enforce_sorted=False)
        states, last = self.gru(packed)
        states, _ = pad_packed_sequence(states, batch_first=True)
        return states, torch.tanh(self.join(torch.cat([last[0], last[1]], dim=1)))


class Attention(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.query, self.key, self.score = nn.Linear(hidden, hidden), nn.Linear(2 * hidden, hidden), nn.Linear(hidden, 1)

    def forward(self, query, states, mask):
        energy = self.score(torch.tanh(self.query(query).unsqueeze(1) + self.key(states))).squeeze(2)
        weights = energy.masked_fill(~mask, float("-inf")).softmax(dim=1)
        return torch.bmm(weights.unsqueeze(1), states).squeeze(1)


class Translator(nn.Module):
    def __init__(self, embed=24, hidden=48):
        super().__init__()
        self.encoder = Encoder(embed, hidden)
        self.attention = Attention(hidden)
        self.embedding = nn.Embedding(VOCAB, embed)
        self.cell = nn.GRUCell(embed + 2 * hidden, hidden)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(3 * hidden, VOCAB)

    def forward(self, source, lengths, steps, target=None, teacher=0.0):
        states, hidden = self.encoder(source, lengths)
        mask = source[:, : states.shape[1]] != PAD
        token = torch.full((len(source),), SOS)
        outputs = []
        for t in range(steps):
            context = self.attention(hidden, states, mask)
            hidden = self.cell(torch.cat([self.embedding(token), context], dim=1), hidden)
            logits = self.out(self.drop(torch.cat([hidden, context], dim=1)))
            outputs.append(logits)
            forced = target is not None and random.random() < teacher
            token = target[:, t] if forced else logits.argmax(dim=1).detach()
        return torch.stack(outputs, dim=1)


def evaluate(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for source, lengths, target in loader:
            guess = model(source, lengths, target.shape[1]).argmax(dim=2)
            real = target != PAD
            right += (guess == target)[real].sum().item()
            total += real.sum().item()
    return right / total


def main():
    random.seed(3)
    torch.manual_seed(3)
    train_loader = DataLoader(make_pairs(1600, 1), batch_size=64, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(make_pairs(200, 2), batch_size=100, collate_fn=collate)
    model = Translator()
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    scheduler = ExponentialLR(optimizer, gamma=0.85)
    for epoch in range(4):
        model.train()
        losses = []
        for source, lengths, target in train_loader:
            logits = model(source, lengths, target.shape[1], target, teacher=1.0 - 0.1 * epoch)
            loss = criterion(logits.reshape(-1, VOCAB), target.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f} characters right {evaluate(model, test_loader):.3f}")


if __name__ == "__main__":
    main()
