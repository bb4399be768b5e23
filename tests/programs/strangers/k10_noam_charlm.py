"""A character transformer written by hand (einsum attention, tied embeddings) on the data-set descriptions of sklearn."""
import math

import numpy as np
import torch
import torch.nn.functional as F
from sklearn import datasets
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

CTX, BATCH, D, HEADS, LAYERS = 48, 32, 64, 4, 2
STEPS, WARMUP = 300, 80


def corpus():
    names = ["load_iris", "load_wine", "load_breast_cancer", "load_diabetes", "load_digits", "load_linnerud"]
    text = "\n".join(" ".join(getattr(datasets, n)().DESCR.lower().split()) for n in names)
    pages = [text[i:i + 600] for i in range(0, len(text), 600)]
    return "".join(p for i, p in enumerate(pages) if i % 8 != 5), "".join(p for i, p in enumerate(pages) if i % 8 == 5)


class RandomWindows(IterableDataset):
    """An endless stream of random windows; each worker draws from a generator of its own."""

    def __init__(self, ids, ctx):
        self.ids, self.ctx = ids, ctx

    def __iter__(self):
        info = get_worker_info()
        rng = np.random.default_rng(info.seed if info else torch.initial_seed())
        while True:
            i = int(rng.integers(0, len(self.ids) - self.ctx))
            yield self.ids[i:i + self.ctx]


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        k = D // HEADS
        self.wq = nn.Parameter(torch.empty(HEADS, D, k))
        self.wk = nn.Parameter(torch.empty(HEADS, D, k))
        self.wv = nn.Parameter(torch.empty(HEADS, D, k))
        self.wo = nn.Parameter(torch.empty(HEADS, k, D))
        for w in self.parameters():
            nn.init.normal_(w, std=1 / math.sqrt(D))
        self.register_buffer("future", torch.ones(CTX, CTX, dtype=torch.bool).triu(1), persistent=False)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        q = torch.einsum("btd,hdk->bhtk", x, self.wq)
        k = torch.einsum("bsd,hdk->bhsk", x, self.wk)
        v = torch.einsum("bsd,hdk->bhsk", x, self.wv)
        score = torch.einsum("bhtk,bhsk->bhts", q, k) / math.sqrt(q.shape[-1])
        t = x.shape[1]
        p = self.drop(score.masked_fill(self.future[:t, :t], float("-inf")).softmax(-1))
        return torch.einsum("bhts,bhsk,hkd->btd", p, v, self.wo)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.att = Attention()
        self.ff = nn.Sequential(nn.Linear(D, 4 * D), nn.GELU(), nn.Linear(4 * D, D), nn.Dropout(0.1))

    def forward(self, x):
        x = x + self.att(self.n1(x))
        return x + self.ff(self.n2(x))


class CharLM(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.tok = nn.Embedding(vocab, D)
        nn.init.normal_(self.tok.weight, std=D ** -0.5)
        self.pos = nn.Parameter(0.1 * torch.randn(CTX, D))
        self.blocks = nn.Sequential(*[Block() for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(D)
        self.out = nn.Linear(D, vocab, bias=False)
        self.out.weight = self.tok.weight

    def forward(self, ids):
        x = self.tok(ids) * math.sqrt(D) + self.pos[:ids.shape[1]]
        return self.out(self.norm(self.blocks(x)))


def lm_loss(model, ids, smooth=0.0):
    logits = model(ids)
    return F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1), label_smoothing=smooth)


@torch.no_grad()
def bits_per_char(model, ids):
    model.eval()
    chunks = ids[:len(ids) // CTX * CTX].view(-1, CTX)
    out = lm_loss(model, chunks).item()
    model.train()
    return out / math.log(2)


def bigram_bits(train, val, vocab):
    c = torch.full((vocab, vocab), 0.1)
    c.index_put_((train[:-1], train[1:]), torch.ones(len(train) - 1), accumulate=True)
    logp = (c / c.sum(1, keepdim=True)).log()
    return -logp[val[:-1], val[1:]].mean().item() / math.log(2)


def main():
    torch.manual_seed(12)
    train_txt, val_txt = corpus()
    chars = ["\0"] + sorted(set(train_txt))
    index = {c: i for i, c in enumerate(chars)}
    train = torch.tensor([index[c] for c in train_txt])
    val = torch.tensor([index.get(c, 0) for c in val_txt])
    print(f"{len(train)} training and {len(val)} held-out characters, alphabet {len(chars)}, "
          f"bigram model {bigram_bits(train, val, len(chars)):.3f} bits/char")

    model = CharLM(len(chars))
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}],
                            lr=1.0, betas=(0.9, 0.98), eps=1e-9)
    noam = torch.optim.lr_scheduler.LambdaLR(
        opt, lambda s: 0.5 * D ** -0.5 * min((s + 1) ** -0.5, (s + 1) * WARMUP ** -1.5))
    loader = iter(DataLoader(RandomWindows(train, CTX), batch_size=BATCH, num_workers=1))
    model.train()
    for step in range(1, STEPS + 1):
        loss = lm_loss(model, next(loader), smooth=0.05)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        noam.step()
        if step % 60 == 0:
            print(f"step {step:4d}  loss {loss.item():.3f}  lr {noam.get_last_lr()[0]:.2e}  "
                  f"held-out {bits_per_char(model, val):.3f} bits/char")


if __name__ == "__main__":
    main()
