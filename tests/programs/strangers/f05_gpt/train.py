import argparse
import math
import time

import torch
import torch.nn.functional as F

from data import CharCorpus
from model import GPT


def cosine_with_warmup(step, warmup, total):
    if step < warmup:
        return (step + 1) / warmup
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


@torch.no_grad()
def validate(model, corpus):
    model.eval()
    x, y = corpus.val_batches(model.block)
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    model.train()
    return loss.item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--steps", type=int, default=350)
    ap.add_argument("--batch-size", type=int, default=24)
    ap.add_argument("--lr", type=float, default=3e-3)
    ap.add_argument("--weight-decay", type=float, default=0.05)
    ap.add_argument("--prompt", default="the data ")
    ap.add_argument("--seed", type=int, default=1337)
    args = ap.parse_args()

    torch.manual_seed(args.seed)
    gen = torch.Generator().manual_seed(args.seed)
    corpus = CharCorpus()
    model = GPT(len(corpus.chars))
    decay = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": args.weight_decay},
                             {"params": plain, "weight_decay": 0.0}], lr=args.lr, betas=(0.9, 0.98))
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: cosine_with_warmup(s, 30, args.steps))
    print(f"{len(corpus.train)} training characters, {len(corpus.chars)} symbols, "
          f"{sum(p.numel() for p in model.parameters())} parameters")

    start = time.perf_counter()
    for step in range(1, args.steps + 1):
        x, y = corpus.batch(args.batch_size, model.block, gen)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        if step % 50 == 0:
            val = validate(model, corpus)
            print(f"step {step:4d} | train {loss.item():.3f} | val {val:.3f} | ppl {math.exp(val):.2f} | "
                  f"{time.perf_counter() - start:.1f}s")
    print("sample:", repr(corpus.decode(model.generate(corpus.encode(args.prompt), 48))))


if __name__ == "__main__":
    main()
