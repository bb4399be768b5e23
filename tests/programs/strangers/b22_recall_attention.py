"""
Associative recall with attention written from scratch.

A sequence holds `pairs` cells (key, value) in random order and one last cell with a key only.
The model has to return the value that stands next to that key.
"""
import math
import torch
import torch.nn as nn

torch.manual_seed(17)

KEYS, VALUES, PAIRS = 16, 8, 11
BLANK = VALUES


def make_batch(n):
    keys = torch.rand(n, KEYS).argsort(dim=1)[:, :PAIRS]
    values = torch.randint(VALUES, (n, PAIRS))
    pick = torch.randint(PAIRS, (n, 1))
    k = torch.cat([keys, keys.gather(1, pick)], dim=1)
    v = torch.cat([values, torch.full((n, 1), BLANK)], dim=1)
    return k, v, values.gather(1, pick).squeeze(1)


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        assert d_model % n_heads == 0
        self.h, self.dk = n_heads, d_model // n_heads
        self.wq = nn.Linear(d_model, d_model)
        self.wk = nn.Linear(d_model, d_model)
        self.wv = nn.Linear(d_model, d_model)
        self.wo = nn.Linear(d_model, d_model)

    def split(self, x):
        B, T, _ = x.shape
        return x.view(B, self.h, T, self.dk)

    def merge(self, x):
        B, _, T, _ = x.shape
        return x.transpose(1, 2).reshape(B, T, self.h * self.dk)

    def forward(self, x):
        q, k, v = self.split(self.wq(x)), self.split(self.wk(x)), self.split(self.wv(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(self.dk)
        return self.wo(self.merge(torch.matmul(scores.softmax(dim=-1), v)))


class Layer(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.att, self.n1, self.n2 = MultiHeadAttention(d, heads), nn.LayerNorm(d), nn.LayerNorm(d)
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.ReLU(), nn.Linear(2 * d, d))

    def forward(self, x):
        x = x + self.att(self.n1(x))
        return x + self.ff(self.n2(x))


class RecallModel(nn.Module):
    def __init__(self, d=64, heads=4, depth=1):
        super().__init__()
        self.key_emb = nn.Embedding(KEYS, d)
        self.val_emb = nn.Embedding(VALUES + 1, d)
        self.layers = nn.ModuleList(Layer(d, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, VALUES)

    def forward(self, k, v):
        x = self.key_emb(k) + self.val_emb(v)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x[:, -1]))


def accuracy(model, n=2000):
    model.eval()
    with torch.no_grad():
        k, v, y = make_batch(n)
        acc = (model(k, v).argmax(1) == y).float().mean().item()
    model.train()
    return acc


model = RecallModel()
opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
loss_fn = nn.CrossEntropyLoss()

running = 0.0
for step in range(1, 501):
    k, v, y = make_batch(96)
    loss = loss_fn(model(k, v), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    running += loss.item()
    if step % 100 == 0:
        print(f"step {step:4d}  loss {running / 100:.4f}  accuracy {accuracy(model):.3f}")
        running = 0.0

print(f"final accuracy on fresh sequences {accuracy(model, 5000):.3f}")
