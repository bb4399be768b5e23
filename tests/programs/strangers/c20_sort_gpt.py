"""Decoder-only transformer that learns to sort: "5 1 7 1 9 3 > 1 1 3 5 7 9".

Tied input/output embeddings, pre-norm blocks, gradient accumulation over micro-batches of
unequal token counts, linear warm-up. Generation at the end runs with a key/value cache.
"""
import math
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class GPTConfig:
    max_items: int = 7
    min_items: int = 3
    digits: int = 10
    d_model: int = 48
    heads: int = 4
    layers: int = 2
    lr: float = 4e-3
    micro: int = 32
    accumulate: int = 2
    updates: int = 450
    warmup: int = 40
    seed: int = 42

    @property
    def sep(self):
        return self.digits

    @property
    def vocab(self):
        return self.digits + 1

    @property
    def block(self):
        return 2 * self.max_items + 1


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.h = c.heads
        self.qkv = nn.Linear(c.d_model, 3 * c.d_model, bias=False)
        self.proj = nn.Linear(c.d_model, c.d_model)

    def forward(self, x, cache=None):
        b, t, d = x.shape
        q, k, v = (m.view(b, t, self.h, d // self.h).transpose(1, 2) for m in self.qkv(x).chunk(3, dim=-1))
        if cache is not None:
            if cache:
                k, v = torch.cat([cache["k"], k], 2), torch.cat([cache["v"], v], 2)
            cache["k"], cache["v"] = k, v
        # query i (counted from the end of the keys) sees everything up to itself
        visible = torch.ones(t, k.size(2), dtype=torch.bool).tril(k.size(2) - t)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        return self.proj(y.transpose(1, 2).reshape(b, t, d))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(c.d_model), nn.LayerNorm(c.d_model)
        self.att = Attention(c)
        self.ff = nn.Sequential(nn.Linear(c.d_model, 4 * c.d_model), nn.GELU(), nn.Linear(4 * c.d_model, c.d_model))

    def forward(self, x, cache=None):
        x = x + self.att(self.n1(x), cache)
        return x + self.ff(self.n2(x))


class SortGPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.tok = nn.Embedding(c.vocab, c.d_model)
        self.pos = nn.Embedding(c.block, c.d_model)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = nn.LayerNorm(c.d_model)
        self.head = nn.Linear(c.d_model, c.vocab, bias=False)
        self.head.weight = self.tok.weight
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Embedding)):
                nn.init.normal_(m.weight, std=0.08)

    def forward(self, ids, caches=None, offset=0):
        x = self.tok(ids) + self.pos(torch.arange(offset, offset + ids.size(1)))
        for i, blk in enumerate(self.blocks):
            x = blk(x, None if caches is None else caches[i])
        return self.head(self.norm(x))

    @torch.no_grad()
    def generate(self, prompt, n):
        caches = [{} for _ in self.blocks]
        logits = self(prompt, caches)[:, -1]
        out, trace = [], []
        for k in range(n):
            trace.append(logits)
            nxt = logits.argmax(-1, keepdim=True)
            out.append(nxt)
            if k + 1 < n:
                logits = self(nxt, caches, offset=prompt.size(1) + k)[:, -1]
        return torch.cat(out, 1), torch.stack(trace, 1)


def problems(c, count, n, g):
    items = torch.randint(c.digits, (count, n), generator=g)
    return items, items.sort(1).values


def training_pair(c, g):
    n = int(torch.randint(c.min_items, c.max_items + 1, (), generator=g))
    items, answer = problems(c, c.micro, n, g)
    seq = torch.cat([items, torch.full((c.micro, 1), c.sep), answer], 1)
    inp, tgt = seq[:, :-1], seq[:, 1:].clone()
    tgt[:, :n] = -100                                    # nothing to predict inside the question
    return inp, tgt


@torch.no_grad()
def exact_match(model, c, count=200):
    model.eval()
    g = torch.Generator().manual_seed(10_000)
    scores, gap = {}, 0.0
    for n in range(c.min_items, c.max_items + 1):
        items, answer = problems(c, count, n, g)
        prompt = torch.cat([items, torch.full((count, 1), c.sep)], 1)
        out, trace = model.generate(prompt, n)
        scores[n] = (out == answer).all(1).float().mean().item()
        full = model(torch.cat([prompt, out[:, :-1]], 1))[:, n:]
        gap = max(gap, (full - trace).abs().max().item())
    model.train()
    return scores, gap


def main():
    c = GPTConfig()
    torch.manual_seed(c.seed)
    g = torch.Generator().manual_seed(c.seed)
    model = SortGPT(c)
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}],
                            lr=c.lr, betas=(0.9, 0.98))
    shape = lambda s: min((s + 1) / c.warmup, 0.5 * (1 + math.cos(math.pi * s / c.updates)) + 0.01)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, shape)

    for u in range(1, c.updates + 1):
        pairs = [training_pair(c, g) for _ in range(c.accumulate)]
        tokens = sum(int((t != -100).sum()) for _, t in pairs)
        total = 0.0
        opt.zero_grad()
        for inp, tgt in pairs:
            # sum over tokens / tokens of the whole update: exactly the loss of the big batch
            loss = F.cross_entropy(model(inp).flatten(0, 1), tgt.flatten(), reduction="sum", ignore_index=-100) / tokens
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        if u % 90 == 0:
            scores, _ = exact_match(model, c)
            print(f"update {u:4d}  loss {total:.4f}  exact match {({k: round(v, 3) for k, v in scores.items()})}")

    scores, gap = exact_match(model, c)
    print(f"largest difference between cached and plain logits {gap:.2e}")
    print(f"final exact match {sum(scores.values()) / len(scores):.4f}")


if __name__ == "__main__":
    main()
