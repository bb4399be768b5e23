"""A conditional random field over a convolution tags keywords, names, numbers and operators in Python source.

Forbidden transitions weigh minus infinity; forward algorithm and Viterbi are written out.
"""
import io
import keyword
import random
import sysconfig
import tokenize
from pathlib import Path

import torch
from torch import nn

TAGS = ["blank", "keyword", "name", "number", "operator", "string"]
LENGTH = 40
NEG = float("-inf")


def tagged_lines(n):
    """Lines of the standard library with the tag of every character."""
    found = []
    for module in ("textwrap", "bisect", "heapq", "shutil", "calendar", "fractions", "statistics"):
        source = (Path(sysconfig.get_paths()["stdlib"]) / f"{module}.py").read_text(encoding="utf-8")
        lines = source.splitlines()
        tags = [[0] * len(line) for line in lines]
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            kind = {tokenize.NUMBER: 3, tokenize.OP: 4, tokenize.STRING: 5}.get(token.type, 0)
            if token.type == tokenize.NAME:
                kind = 1 if keyword.iskeyword(token.string) else 2
            if kind and token.start[0] == token.end[0]:
                for column in range(token.start[1], token.end[1]):
                    tags[token.start[0] - 1][column] = kind
        for line, tag in zip(lines, tags):
            text = line.strip()
            start = line.find(text)
            if len(text) > 12 and sum(t > 0 for t in tag) > 8 and text.isascii():
                found.append((text[:LENGTH], tag[start : start + min(len(text), LENGTH)]))
    random.Random(0).shuffle(found)
    return found[:n]


def encode(lines):
    chars, tags = torch.zeros(len(lines), LENGTH, dtype=torch.long), torch.zeros(len(lines), LENGTH, dtype=torch.long)
    mask = torch.zeros(len(lines), LENGTH, dtype=torch.bool)
    for i, (text, tag) in enumerate(lines):
        chars[i, : len(text)] = torch.tensor([ord(c) for c in text])
        tags[i, : len(text)] = torch.tensor(tag)
        mask[i, : len(text)] = True
    return chars, tags, mask


class Emissions(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Embedding(128, width)
        self.conv = nn.Conv1d(width, width, 7, padding=3)
        self.out = nn.Linear(width, len(TAGS))

    def forward(self, chars):
        h = self.embed(chars)
        return self.out(torch.relu(self.conv(h.mT).mT) + h)


class CRF(nn.Module):
    def __init__(self, seen):
        super().__init__()
        n = len(TAGS)
        self.emissions = Emissions()
        self.transitions = nn.Parameter(torch.zeros(n, n))
        self.register_buffer("forbidden", ~seen)

    def scores(self):
        return self.transitions.masked_fill(self.forbidden, NEG)

    def forward(self, chars, tags, mask):
        """Negative log-likelihood per line."""
        emit, trans = self.emissions(chars), self.scores()
        alpha = emit[:, 0]
        path = emit[:, 0].gather(1, tags[:, :1]).squeeze(1)
        for t in range(1, chars.shape[1]):
            step = torch.logsumexp(alpha.unsqueeze(2) + trans, dim=1) + emit[:, t]
            alpha = torch.where(mask[:, t, None], step, alpha)
            here = emit[:, t].gather(1, tags[:, t, None]).squeeze(1) + self.transitions[tags[:, t - 1], tags[:, t]]
            path = path + here * mask[:, t]
        return (torch.logsumexp(alpha, dim=1) - path).mean()

    @torch.no_grad()
    def decode(self, chars, mask):
        emit, trans = self.emissions(chars), self.scores()
        score, back = emit[:, 0], []
        for t in range(1, chars.shape[1]):
            best, origin = (score.unsqueeze(2) + trans).max(dim=1)
            score = torch.where(mask[:, t, None], best + emit[:, t], score)
            back.append(torch.where(mask[:, t, None], origin, torch.arange(len(TAGS)).expand_as(origin)))
        tag = score.argmax(dim=1)
        tags = [tag]
        for origin in reversed(back):
            tag = origin.gather(1, tag[:, None]).squeeze(1)
            tags.append(tag)
        return torch.stack(tags[::-1], dim=1)


def main():
    torch.manual_seed(0)
    chars, tags, mask = encode(tagged_lines(900))
    seen = torch.eye(len(TAGS), dtype=torch.bool)
    pairs = mask[:, 1:]
    seen[tags[:, :-1][pairs], tags[:, 1:][pairs]] = True
    model = CRF(seen)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    train, test = slice(0, 750), slice(750, None)
    for epoch in range(5):
        model.train()
        total, order = 0.0, torch.randperm(750)
        for rows in order.split(50):
            loss = model(chars[rows], tags[rows], mask[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        model.eval()
        right = (model.decode(chars[test], mask[test]) == tags[test])[mask[test]].float().mean()
        print(f"epoch {epoch}: nll {total / 750:.3f} characters right {right:.3f}")


main()
