"""Token tagging with a small transformer encoder: every token is labelled with
the number of times it occurs in its sequence."""
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

VOCAB, LENGTH, MAX_COUNT = 12, 16, 6


def build_split(n, generator):
    rows, tags = [], []
    while len(rows) < n:
        k = int(torch.randint(4, VOCAB + 1, (1,), generator=generator))
        alphabet = torch.randperm(VOCAB, generator=generator)[:k]
        row = alphabet[torch.randint(0, k, (LENGTH,), generator=generator)]
        counts = (row[:, None] == row[None, :]).sum(1)
        if counts.max() > MAX_COUNT:
            continue
        rows.append(row)
        tags.append(counts - 1)
    return TensorDataset(torch.stack(rows), torch.stack(tags))


class MultiHeadSelfAttention(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        assert dim % heads == 0
        self.heads, self.head_dim = heads, dim // heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        B, T, C = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.heads, self.head_dim)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        att = (q @ k.transpose(-2, -1)) / math.sqrt(self.head_dim)
        att = self.drop(att.softmax(dim=-1))
        out = att @ v
        out = out.reshape(B, T, C)
        return self.proj(out)


class EncoderLayer(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = MultiHeadSelfAttention(dim, heads, dropout)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim),
                                 nn.Dropout(dropout))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Tagger(nn.Module):
    def __init__(self, dim, heads, layers, dropout):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, dim)
        self.pos = nn.Parameter(torch.randn(1, LENGTH, dim) * 0.02)
        self.layers = nn.ModuleList([EncoderLayer(dim, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, MAX_COUNT)

    def forward(self, x):
        h = self.tok(x) + self.pos
        for layer in self.layers:
            h = layer(h)
        return self.head(self.norm(h))


def train(args, model, device, train_loader, optimizer, scheduler, epoch):
    model.train()
    total, seen = 0.0, 0
    for data, target in train_loader:
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(data)
        loss = F.cross_entropy(output.flatten(0, 1), target.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(data)
        seen += len(data)
    print(f'Train Epoch: {epoch}\tLoss: {total / seen:.4f}')


@torch.no_grad()
def test(model, device, test_loader):
    model.eval()
    loss, correct, tokens, exact, seqs = 0.0, 0, 0, 0, 0
    for data, target in test_loader:
        data, target = data.to(device), target.to(device)
        output = model(data)
        loss += F.cross_entropy(output.flatten(0, 1), target.flatten(), reduction='sum').item()
        hit = output.argmax(-1) == target
        correct += hit.sum().item()
        tokens += hit.numel()
        exact += hit.all(dim=1).sum().item()
        seqs += len(data)
    print(f'Test: loss {loss / tokens:.4f}  token acc {100. * correct / tokens:.2f}%  '
          f'exact {100. * exact / seqs:.2f}%')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--epochs', type=int, default=8)
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--lr', type=float, default=2e-3)
    parser.add_argument('--dim', type=int, default=48)
    parser.add_argument('--heads', type=int, default=4)
    parser.add_argument('--layers', type=int, default=2)
    parser.add_argument('--dropout', type=float, default=0.0)
    parser.add_argument('--clip', type=float, default=1.0)
    parser.add_argument('--seed', type=int, default=7)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    device = torch.device('cpu')
    g = torch.Generator().manual_seed(args.seed)
    train_set, test_set = build_split(4000, g), build_split(800, g)
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=200)

    model = Tagger(args.dim, args.heads, args.layers, args.dropout).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=args.lr, total_steps=args.epochs * len(train_loader))

    majority = test_set.tensors[1].flatten().bincount().max().item() / test_set.tensors[1].numel()
    print(f'majority tag: {100. * majority:.1f}%')
    for epoch in range(1, args.epochs + 1):
        train(args, model, device, train_loader, optimizer, scheduler, epoch)
        test(model, device, test_loader)


if __name__ == '__main__':
    main()
