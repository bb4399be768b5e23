"""Tiny character-level GPT on sentences drawn from a toy grammar."""
import math
import random

import torch
import torch.nn as nn
from torch.nn import functional as F

# hyperparameters
block_size = 40
batch_size = 24
n_embd = 48
n_head = 4
n_layer = 2
dropout = 0.05
learning_rate = 3e-3
max_iters = 320
eval_interval = 80
# ------------

random.seed(1337)
torch.manual_seed(1337)

subjects = ["the cat", "a dog", "my uncle", "the old robot", "her sister", "one sailor"]
verbs = ["sees", "paints", "follows", "buys", "forgets", "cleans"]
objects = ["a boat", "the moon", "some bread", "his hat", "two chairs", "the river"]
places = ["in the garden", "at night", "near the sea", "after lunch", "on sundays"]


def sentence():
    return " ".join(random.choice(part) for part in (subjects, verbs, objects, places)) + ". "


text = "".join(sentence() for _ in range(2500))
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
cut = int(0.9 * len(data))
train_data, val_data = data[:cut], data[cut:]


def get_batch(split):
    d = train_data if split == "train" else val_data
    ix = torch.randint(len(d) - block_size - 1, (batch_size,))
    x = torch.stack([d[i:i + block_size] for i in ix])
    y = torch.stack([d[i + 1:i + block_size + 1] for i in ix])
    return x, y


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(n_embd, 3 * n_embd, bias=False)
        self.proj = nn.Linear(n_embd, n_embd)
        self.drop = nn.Dropout(dropout)
        blocked = torch.full((block_size, block_size), float("-inf"))
        self.register_buffer("bias", torch.triu(blocked, diagonal=2))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, n_head, C // n_head).transpose(1, 2) for t in self.qkv(x).split(n_embd, dim=2))
        att = q @ k.transpose(-2, -1) / math.sqrt(C // n_head) + self.bias[:T, :T]
        y = self.drop(F.softmax(att, dim=-1)) @ v
        return self.proj(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)
        self.att = Attention()
        self.mlp = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.GELU(), nn.Linear(4 * n_embd, n_embd),
                                 nn.Dropout(dropout))

    def forward(self, x):
        x = x + self.att(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(len(chars), n_embd)
        self.pos = nn.Embedding(block_size, n_embd)
        self.blocks = nn.Sequential(*[Block() for _ in range(n_layer)])
        self.ln = nn.LayerNorm(n_embd)
        self.head = nn.Linear(n_embd, len(chars))

    def forward(self, idx, targets=None):
        x = self.tok(idx) + self.pos(torch.arange(idx.size(1)))
        logits = self.head(self.ln(self.blocks(x)))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))

    @torch.no_grad()
    def generate(self, idx, n):
        for _ in range(n):
            logits, _ = self(idx[:, -block_size:])
            probs = F.softmax(logits[:, -1], dim=-1)
            idx = torch.cat([idx, torch.multinomial(probs, 1)], dim=1)
        return idx


@torch.no_grad()
def estimate_loss(model, k=5):
    model.eval()
    out = {s: sum(model(*get_batch(s))[1].item() for _ in range(k)) / k for s in ("train", "val")}
    model.train()
    return out


model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
for it in range(1, max_iters + 1):
    xb, yb = get_batch("train")
    _, loss = model(xb, yb)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if it % eval_interval == 0:
        losses = estimate_loss(model)
        print(f"step {it}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")

model.eval()
out = model.generate(data[cut:cut + 10][None], 120)[0].tolist()
print("sample:", "".join(chars[i] for i in out))
