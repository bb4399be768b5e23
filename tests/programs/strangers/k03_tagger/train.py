import argparse
import os
import sys

import torch
from torch import nn
from torch.utils.data import DataLoader

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from corpus import TAGS, Pools, collate, load  # noqa: E402
from model import Tagger  # noqa: E402


@torch.no_grad()
def predict(model, words, lengths):
    tags = model(words, lengths).argmax(-1)
    return tags.masked_fill(words == 0, 0)


def evaluate(model, loader):
    model.eval()
    right, seen, whole, sents = 0, 0, 0, 0
    for words, tags, lengths in loader:
        guess = predict(model, words, lengths)
        hit = guess == tags
        right += hit.sum().item()
        seen += hit.numel()
        whole += hit.all(dim=1).sum().item()
        sents += len(tags)
    return right / seen, whole / sents


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=7)
    ap.add_argument("--lr", type=float, default=4e-3)
    ap.add_argument("--batch", type=int, default=32)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    train, dev, vocab = load(args.seed)
    tr = DataLoader(train, batch_sampler=Pools([len(w) for w, _ in train.items], args.batch, args.seed),
                    collate_fn=collate)
    dv = DataLoader(dev, batch_size=64, collate_fn=collate)
    model = Tagger(len(vocab), len(TAGS))
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    loss_fn = nn.CrossEntropyLoss(ignore_index=0)
    for epoch in range(args.epochs):
        model.train()
        run = 0.0
        for words, tags, lengths in tr:
            logits = model(words, lengths)
            loss = loss_fn(logits.flatten(0, 1), tags.flatten())
            opt.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            run += loss.item()
        acc, exact = evaluate(model, dv)
        print(f"epoch {epoch + 1}: loss {run / len(tr):.3f}  dev tag accuracy {acc:.4f}  whole sentences {exact:.3f}")
    print(f"final dev accuracy: {100 * acc:.2f} %")


if __name__ == "__main__":
    main()
