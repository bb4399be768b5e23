"""
A small character level GPT trained on sentences drawn from a toy grammar.
"""
import math
import random
import time

import torch
import torch.nn as nn
from torch.nn import functional as F

# -----------------------------------------------------------------------------
eval_interval = 25
eval_iters = 4
batch_size = 12
block_size = 40
n_layer = 2
n_head = 4
n_embd = 48
dropout = 0.0
learning_rate = 2e-3
max_iters = 1000
min_lr = 2e-4
warmup_iters = 40
beta2 = 0.99
grad_clip = 1.0
seed = 1337
# -----------------------------------------------------------------------------
torch.manual_seed(seed)
rng = random.Random(seed)

syllables = ['ba', 'do', 'ki', 'lu', 'me', 'no', 'pi', 'ra', 'su', 'te', 'va', 'zo']
nouns = sorted({rng.choice(syllables) + rng.choice(syllables) + rng.choice('rnls') for _ in range(70)})
verbs = sorted({rng.choice(syllables) + rng.choice(syllables) + 'k' for _ in range(50)})
adjectives = sorted({rng.choice(syllables) + 'sh' + rng.choice('aeiou') for _ in range(40)})


def noun_phrase():
    plural = rng.random() < 0.4
    words = ['the'] + ([rng.choice(adjectives)] if rng.random() < 0.5 else [])
    return ' '.join(words + [rng.choice(nouns) + ('im' if plural else '')]), plural


def sentence():
    subj, plural = noun_phrase()
    verb = rng.choice(verbs) + ('an' if plural else 'es')
    text = f'{subj} {verb}'
    if rng.random() < 0.6:
        text += ' ' + noun_phrase()[0]
    return text + '.\n'


text = ''.join(sentence() for _ in range(9000))
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
itos = {i: c for c, i in stoi.items()}
data = torch.tensor([stoi[c] for c in text], dtype=torch.long)
n = int(0.9 * len(data))
train_data, val_data = data[:n], data[n:]
vocab_size = len(chars)
print(f'{len(data)} characters, vocab {vocab_size}')


def get_batch(split):
    d = train_data if split == 'train' else val_data
    ix = torch.randint(len(d) - block_size, (batch_size,))
    x = torch.stack([d[i:i + block_size] for i in ix])
    y = torch.stack([d[i + 1:i + 1 + block_size] for i in ix])
    return x, y


class CausalSelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn = nn.Linear(n_embd, 3 * n_embd, bias=False)
        self.c_proj = nn.Linear(n_embd, n_embd, bias=False)

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(n_embd, dim=2)
        q, k, v = (t.view(B, T, n_head, C // n_head).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout if self.training else 0.0,
                                           is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)
        self.attn = CausalSelfAttention()
        self.mlp = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.GELU(),
                                 nn.Linear(4 * n_embd, n_embd), nn.Dropout(dropout))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, n_embd)
        self.wpe = nn.Embedding(block_size, n_embd)
        self.h = nn.ModuleList([Block() for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self.apply(self._init_weights)
        self.wte.weight = self.lm_head.weight

    def _init_weights(self, m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.normal_(m.weight, mean=0.0, std=0.02)
        if isinstance(m, nn.Linear) and m.bias is not None:
            nn.init.zeros_(m.bias)

    def forward(self, idx, targets=None):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, vocab_size), targets.view(-1))
        return logits, loss


@torch.no_grad()
def estimate_loss():
    torch.manual_seed(seed)
    model.eval()
    out = {}
    for split in ('train', 'val'):
        losses = torch.zeros(eval_iters)
        for k in range(eval_iters):
            x, y = get_batch(split)
            losses[k] = model(x, y)[1].item()
        out[split] = losses.mean().item()
    model.train()
    return out


@torch.no_grad()
def full_val_loss():
    model.eval()
    m = (len(val_data) - 1) // block_size
    x = val_data[:m * block_size].view(m, block_size)
    y = val_data[1:m * block_size + 1].view(m, block_size)
    return sum(model(a, b)[1].item() * len(a) for a, b in zip(x.split(64), y.split(64))) / m


def get_lr(it):
    if it < warmup_iters:
        return learning_rate * (it + 1) / warmup_iters
    ratio = (it - warmup_iters) / (max_iters - warmup_iters)
    return min_lr + 0.5 * (1 + math.cos(math.pi * ratio)) * (learning_rate - min_lr)


model = GPT()
decay = [p for p in model.parameters() if p.dim() >= 2]
nodecay = [p for p in model.parameters() if p.dim() < 2]
optimizer = torch.optim.AdamW([{'params': decay, 'weight_decay': 0.1},
                               {'params': nodecay, 'weight_decay': 0.0}],
                              lr=learning_rate, betas=(0.9, beta2))
t0 = time.time()
for it in range(max_iters):
    for group in optimizer.param_groups:
        group['lr'] = get_lr(it)
    if it % eval_interval == 0:
        losses = estimate_loss()
        if it % (4 * eval_interval) == 0:
            print(f"iter {it}: train {losses['train']:.4f} val {losses['val']:.4f}")
    x, y = get_batch('train')
    _, loss = model(x, y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), grad_clip)
    optimizer.step()

print(f'uniform {math.log(vocab_size):.3f}  last batch {loss.item():.3f}')
print(f'validation loss {full_val_loss():.4f}  ({time.time() - t0:.1f}s)')
