"""Seq2seq with Luong attention: translate made-up words into pig latin.

    'strabe' -> 'abestray',  'ofile' -> 'ofileway'
"""
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(11)
random.seed(11)

PAD, SOS, EOS = 0, 1, 2
CHARS = "abcdefghijklmnopqrstuvwxyz"
stoi = {c: i + 3 for i, c in enumerate(CHARS)}
itos = {i: c for c, i in stoi.items()}
VOCAB = len(CHARS) + 3

ONSETS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z",
          "st", "tr", "br", "pl", "gr", "str", "sh", "th", "kl", "fr"]
VOWELS = "aeiou"


def make_word():
    w = "" if random.random() < 0.15 else random.choice(ONSETS)
    for k in range(random.randint(2, 3)):
        w += random.choice(VOWELS)
        w += random.choice("bdfgklmnprstvz")
    if random.random() < 0.5:
        w += random.choice(VOWELS)
    return w


def pig(w):
    i = next(k for k, c in enumerate(w) if c in VOWELS)
    return w + "way" if i == 0 else w[i:] + w[:i] + "ay"


words = set()
while len(words) < 2800:
    words.add(make_word())
words = sorted(words)
random.shuffle(words)
train_words, test_words = words[:2600], words[2600:]


def encode(batch, f):
    """list of words -> (T, B) padded tensor and the lengths"""
    seqs = [[stoi[c] for c in f(w)] + [EOS] for w in batch]
    lens = torch.tensor([len(s) for s in seqs])
    out = torch.full((int(lens.max()), len(seqs)), PAD)
    for j, s in enumerate(seqs):
        out[:len(s), j] = torch.tensor(s)
    return out, lens


class Encoder(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.hidden = hidden
        self.embedding = nn.Embedding(VOCAB, 32, padding_idx=PAD)
        self.gru = nn.GRU(32, hidden, bidirectional=True)

    def forward(self, src, lens):
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(src), lens, enforce_sorted=False)
        out, h = self.gru(packed)
        out, _ = nn.utils.rnn.pad_packed_sequence(out)
        out = out[:, :, :self.hidden] + out[:, :, self.hidden:]
        return out, (h[0] + h[1]).unsqueeze(0)


class Attn(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.attn = nn.Linear(hidden, hidden)

    def forward(self, hidden, encoder_outputs, pad_mask):
        energy = self.attn(encoder_outputs)
        scores = torch.sum(hidden * energy, dim=2)
        scores = scores.masked_fill(pad_mask, -1e4)
        return F.softmax(scores, dim=1)


class Decoder(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, 32, padding_idx=PAD)
        self.gru = nn.GRU(32, hidden)
        self.attn = Attn(hidden)
        self.concat = nn.Linear(hidden * 2, hidden)
        self.out = nn.Linear(hidden, VOCAB)

    def forward(self, token, hidden, encoder_outputs, pad_mask):
        rnn_out, hidden = self.gru(self.embedding(token).unsqueeze(0), hidden)
        weights = self.attn(rnn_out, encoder_outputs, pad_mask)
        context = (weights.unsqueeze(2) * encoder_outputs).sum(dim=0)
        x = torch.tanh(self.concat(torch.cat((rnn_out.squeeze(0), context), dim=1)))
        return self.out(x), hidden


HIDDEN = 64
encoder, decoder = Encoder(HIDDEN), Decoder(HIDDEN)
params = list(encoder.parameters()) + list(decoder.parameters())
optimizer = torch.optim.Adam(params, lr=4e-3)
criterion = nn.CrossEntropyLoss(ignore_index=PAD)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)


def train_batch(batch):
    src, lens = encode(batch, lambda w: w)
    tgt, _ = encode(batch, pig)
    optimizer.zero_grad()
    enc_out, hidden = encoder(src, lens)
    mask = src == PAD
    token = torch.full((len(batch),), SOS)
    logits = []
    for t in range(tgt.size(0)):
        step, hidden = decoder(token, hidden, enc_out, mask)
        logits.append(step)
        token = tgt[t]
    loss = criterion(torch.stack(logits).flatten(0, 1), tgt.flatten())
    loss.backward()
    nn.utils.clip_grad_norm_(params, 5.0)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def translate(word, max_len=20):
    src, lens = encode([word], lambda w: w)
    enc_out, hidden = encoder(src, lens)
    token, result = torch.tensor([SOS]), ""
    for _ in range(max_len):
        logits, hidden = decoder(token, hidden, enc_out, src == PAD)
        token = logits.argmax(1)
        if token.item() == EOS:
            break
        result += itos.get(token.item(), "?")
    return result


for epoch in range(1, 13):
    random.shuffle(train_words)
    losses = [train_batch(train_words[i:i + 64]) for i in range(0, len(train_words), 64)]
    scheduler.step()
    print(f"epoch {epoch:2d}  loss {sum(losses) / len(losses):.4f}  "
          f"{train_words[0]} -> {translate(train_words[0])}")

exact = sum(translate(w) == pig(w) for w in test_words)
for w in test_words[:6]:
    print(f"  {w:10s} {pig(w):14s} {translate(w)}")
print(f"exact match on unseen words: {exact}/{len(test_words)} = {exact / len(test_words):.3f}")
