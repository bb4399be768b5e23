import math
import random
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class GPTConfig:
    block_size: int = 32
    n_layer: int = 2
    n_head: int = 2
    n_embd: int = 40
    dropout: float = 0.1
    vocab_size: int = 0


class SelfAttention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.n_head = cfg.n_head
        self.qkv = nn.Linear(cfg.n_embd, 3 * cfg.n_embd)
        self.proj = nn.Linear(cfg.n_embd, cfg.n_embd)
        self.dropout = cfg.dropout

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0)
        return self.proj(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(cfg.n_embd), nn.LayerNorm(cfg.n_embd)
        self.attn = SelfAttention(cfg)
        self.mlp = nn.Sequential(
            nn.Linear(cfg.n_embd, 4 * cfg.n_embd), nn.GELU(),
            nn.Linear(4 * cfg.n_embd, cfg.n_embd), nn.Dropout(cfg.dropout))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class TinyGPT(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.tok = nn.Embedding(cfg.vocab_size, cfg.n_embd)
        self.pos = nn.Embedding(cfg.block_size, cfg.n_embd)
        self.blocks = nn.Sequential(*[Block(cfg) for _ in range(cfg.n_layer)])
        self.ln_f = nn.LayerNorm(cfg.n_embd)
        self.head = nn.Linear(cfg.n_embd, cfg.vocab_size, bias=False)

    def forward(self, idx, targets=None):
        pos = torch.arange(idx.size(1))
        x = self.blocks(self.tok(idx) + self.pos(pos))
        logits = self.head(self.ln_f(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def corpus(n, rng):
    names = ["anna", "boris", "clara", "dmitri", "elena"]
    verbs = ["sees", "paints", "sells", "hides"]
    things = ["a red box", "two apples", "the long letter", "an old violin", "some bread"]
    return " ".join(f"{rng.choice(names)} {rng.choice(verbs)} {rng.choice(things)};" for _ in range(n))


def get_batch(data, cfg, bs):
    ix = torch.randint(len(data) - cfg.block_size - 1, (bs,))
    x = torch.stack([data[i:i + cfg.block_size] for i in ix])
    y = torch.stack([data[i + 1:i + cfg.block_size + 1] for i in ix])
    return x, y


@torch.no_grad()
def estimate(model, data, cfg, n=8):
    model.eval()
    out = sum(get_loss(model, data, cfg, 32).item() for _ in range(n)) / n
    model.train()
    return out


def get_loss(model, data, cfg, bs):
    x, y = get_batch(data, cfg, bs)
    return model(x, y)[1]


def main():
    torch.manual_seed(1337)
    rng = random.Random(1337)
    train_text, val_text = corpus(1500, rng), corpus(250, rng)
    chars = sorted(set(train_text))
    stoi = {c: i for i, c in enumerate(chars)}
    train, val = (torch.tensor([stoi[c] for c in t]) for t in (train_text, val_text))
    cfg = GPTConfig(vocab_size=len(chars))
    model = TinyGPT(cfg)
    opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    steps_per_epoch = len(train) // (32 * cfg.block_size)
    for epoch in range(8):
        for _ in range(steps_per_epoch):
            loss = get_loss(model, train, cfg, 32)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
        vl = estimate(model, val, cfg)
        print(f"epoch {epoch}: train {loss.item():.4f} val {vl:.4f} val ppl {math.exp(vl):.3f}")


if __name__ == "__main__":
    main()
