import argparse
import random
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

PAD = 0


class EchoDataset(Dataset):
    """Token sequences of varying length; label 1 if the first token comes back later in the sequence."""

    def __init__(self, n, vocab, lo, hi, seed):
        rnd = random.Random(seed)
        self.rows = []
        for i in range(n):
            label = i % 2
            size = rnd.randint(lo, hi)
            first = rnd.randint(1, vocab)
            others = [t for t in range(1, vocab + 1) if t != first]
            tail = [rnd.choice(others) for _ in range(size - 1)]
            if label:
                tail[rnd.randrange(len(tail))] = first
            self.rows.append(([first] + tail, label))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


class PadTo:
    """Collate function: right-pad every sequence to the same fixed width."""

    def __init__(self, width):
        self.width = width

    def __call__(self, rows):
        tokens = torch.full((len(rows), self.width), PAD)
        labels = torch.empty(len(rows), dtype=torch.long)
        for i, (seq, lab) in enumerate(rows):
            tokens[i, :len(seq)] = torch.tensor(seq)
            labels[i] = lab
        return tokens, tokens.ne(PAD), labels


class EchoModel(nn.Module):
    def __init__(self, vocab, width, d=32, heads=4, layers=2):
        super().__init__()
        self.tok = nn.Embedding(vocab + 1, d, padding_idx=PAD)
        self.pos = nn.Parameter(0.1 * torch.randn(width, d))
        layer = nn.TransformerEncoderLayer(d, heads, dim_feedforward=2 * d, dropout=0.0, batch_first=True,
                                           norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d)
        self.out = nn.Linear(d, 2)

    def forward(self, tokens, mask):
        h = self.tok(tokens) + self.pos
        h = self.norm(self.encoder(h, src_key_padding_mask=mask))
        keep = tokens.ne(PAD).unsqueeze(-1).float()
        return self.out((h * keep).sum(1) / keep.sum(1))


def accuracy(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for tokens, mask, labels in loader:
            right += (model(tokens, mask).argmax(1) == labels).sum().item()
            total += len(labels)
    return right / total


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--vocab", type=int, default=10)
    ap.add_argument("--width", type=int, default=14)
    ap.add_argument("--epochs", type=int, default=7)
    ap.add_argument("--lr", type=float, default=3e-3)
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)

    collate = PadTo(args.width)
    train = DataLoader(EchoDataset(4000, args.vocab, 4, 10, seed=1), batch_size=64, shuffle=True, collate_fn=collate)
    test = DataLoader(EchoDataset(1000, args.vocab, 4, 10, seed=2), batch_size=250, collate_fn=collate)

    model = EchoModel(args.vocab, args.width)
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)
    crit = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        running = seen = 0
        for tokens, mask, labels in train:
            opt.zero_grad()
            loss = crit(model(tokens, mask), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            running += loss.item() * len(labels)
            seen += len(labels)
        print(f"epoch {epoch + 1}: loss {running / seen:.4f}  test acc {accuracy(model, test):.3f}")


if __name__ == "__main__":
    main()
