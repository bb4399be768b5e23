"""Recognise spoken-like digits: a sequence of tones of unknown timing is written down with connectionist temporal classification."""
import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

SYMBOLS, BLANK, BANDS = 8, 0, 12


class Utterances(Dataset):
    """Spectrograms: every symbol is a pair of bands that sounds for 4 to 8 frames, with pauses and noise."""

    def __init__(self, n, seed):
        self.rng = random.Random(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.items = [self.make() for _ in range(n)]

    def make(self):
        text = [self.rng.randint(1, SYMBOLS) for _ in range(self.rng.randint(2, 5))]
        frames = []
        for symbol in text:
            frames += [torch.zeros(BANDS)] * self.rng.randint(1, 3)
            tone = torch.zeros(BANDS)
            tone[symbol], tone[(symbol * 5) % BANDS] = 1.0, 0.6
            frames += [tone * self.rng.uniform(0.7, 1.3)] * self.rng.randint(4, 8)
        sound = torch.stack(frames)
        return sound + 0.25 * torch.randn(sound.shape, generator=self.generator), torch.tensor(text)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(items):
    sounds, texts = zip(*items)
    lengths = torch.tensor([len(s) for s in sounds])
    return pad_sequence(list(sounds), batch_first=True), lengths, torch.cat(texts), torch.tensor([len(t) for t in texts])


class Recognizer(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.conv = nn.Conv1d(BANDS, hidden, kernel_size=3, padding=1)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, SYMBOLS + 1)

    def forward(self, sounds):
        h = F.relu(self.conv(sounds.transpose(1, 2))).transpose(1, 2)
        h, _ = self.lstm(h)
        return self.out(h)


def greedy(logits, length):
    best = logits[:length].argmax(dim=-1).tolist()
    return [b for i, b in enumerate(best) if b != BLANK and (i == 0 or b != best[i - 1])]


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def error_rate(model, loader):
    model.eval()
    errors = total = 0
    with torch.no_grad():
        for sounds, lengths, texts, text_lengths in loader:
            logits = model(sounds)
            for row, n, text in zip(logits, lengths, texts.split(text_lengths.tolist())):
                errors += edit_distance(greedy(row, n), text.tolist())
                total += len(text)
    model.train()
    return errors / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lr", type=float, default=5e-3)
    args = parser.parse_args()
    torch.manual_seed(16)
    train_loader = DataLoader(Utterances(480, 1), batch_size=16, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(Utterances(80, 2), batch_size=40, collate_fn=collate)
    model = Recognizer()
    ctc = nn.CTCLoss(blank=BLANK, zero_infinity=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    print(f"untrained: symbol error {error_rate(model, test_loader):.3f}")
    for epoch in range(1, args.epochs + 1):
        total = 0.0
        for sounds, lengths, texts, text_lengths in train_loader:
            log_probs = model(sounds).log_softmax(dim=-1).transpose(0, 1)  # CTC wants time first
            loss = ctc(log_probs, texts, lengths, text_lengths)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch}: ctc {total / len(train_loader):.3f} symbol error {error_rate(model, test_loader):.3f}")


if __name__ == "__main__":
    main()
