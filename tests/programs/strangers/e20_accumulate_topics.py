"""
Topic classifier on short synthetic posts: frozen word vectors (SVD of the co-occurrence
matrix), GRU on top, micro-batches of 8 with gradient accumulation to about 64.
"""
import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

SEED = 99
N_WORDS, N_TOPICS, DIM = 400, 6, 24
MICRO, ACCUM = 8, 8
EPOCHS = 6

rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

# every topic prefers its own words; half of each post is common chatter
topic_word = rng.dirichlet(np.full(N_WORDS, 0.04), N_TOPICS)
common = rng.dirichlet(np.full(N_WORDS, 0.3))


def make_post():
    k = rng.integers(N_TOPICS)
    n = rng.integers(5, 25)
    p = 0.3 * topic_word[k] + 0.7 * common
    return rng.choice(N_WORDS, n, p=p) + 1, int(k)     # word 0 is the padding


def word_vectors(posts, window=4):
    co = np.zeros((N_WORDS + 1, N_WORDS + 1))
    for ids, _ in posts:
        for a in range(len(ids)):
            for b in range(max(0, a - window), min(len(ids), a + window + 1)):
                if a != b:
                    co[ids[a], ids[b]] += 1
    total = co.sum()
    expected = co.sum(1, keepdims=True) * co.sum(0, keepdims=True) / max(total, 1)
    ppmi = np.log1p(np.maximum(co / np.maximum(expected, 1e-9) - 1, 0))
    u, s, _ = np.linalg.svd(ppmi)
    vec = u[:, :DIM] * np.sqrt(s[:DIM])
    vec[0] = 0.0
    return torch.tensor(vec / vec[1:].std(), dtype=torch.float32)


class TopicGRU(nn.Module):
    def __init__(self, vectors, hidden=32):
        super().__init__()
        self.emb = nn.Embedding.from_pretrained(vectors, freeze=True, padding_idx=0)
        self.gru = nn.GRU(vectors.size(1), hidden, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(2 * hidden, N_TOPICS)

    def forward(self, x, lens):
        packed = pack_padded_sequence(self.emb(x), lens, batch_first=True, enforce_sorted=False)
        _, h = self.gru(packed)
        return self.fc(self.drop(torch.cat([h[0], h[1]], dim=1)))


def batches(posts, size, shuffle):
    order = rng.permutation(len(posts)) if shuffle else np.arange(len(posts))
    for i in range(0, len(order), size):
        chunk = [posts[j] for j in order[i:i + size]]
        lens = torch.tensor([len(ids) for ids, _ in chunk])
        x = pad_sequence([torch.as_tensor(ids) for ids, _ in chunk], batch_first=True)
        yield x, lens, torch.tensor([k for _, k in chunk])


def accuracy(model, posts):
    model.eval()
    with torch.no_grad():
        hits = sum((model(x, n).argmax(1) == y).sum().item() for x, n, y in batches(posts, 256, False))
    model.train()
    return hits / len(posts)


posts = [make_post() for _ in range(2400)]
train, test = posts[:1800], posts[1800:]
model = TopicGRU(word_vectors(train))
trainable = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.RMSprop(trainable, lr=3e-3)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
# summed here, divided by the number of posts just before each step
criterion = nn.CrossEntropyLoss(reduction="sum")

n_steps = 0


def apply_update(n_posts):
    global n_steps
    for p in trainable:
        p.grad.div_(n_posts)
    nn.utils.clip_grad_norm_(trainable, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    n_steps += 1


for epoch in range(EPOCHS):
    epoch_loss, pending = 0.0, 0
    for step, (x, lens, y) in enumerate(batches(train, MICRO, True)):
        loss = criterion(model(x, lens), y)
        loss.backward()
        pending += len(y)
        epoch_loss += loss.item()
        if (step + 1) % ACCUM == 0:
            apply_update(pending)
            pending = 0
    if pending:
        apply_update(pending)
    epoch_loss /= len(train)
    plateau.step(epoch_loss)
    print(f"epoch {epoch + 1}: loss {epoch_loss:.4f}  train acc {accuracy(model, train):.3f}  "
          f"test acc {accuracy(model, test):.3f}  lr {optimizer.param_groups[0]['lr']:.4f}  updates {n_steps}")

# what is possible when the true word distributions are known
log_p = np.log(0.3 * topic_word + 0.7 * common)
bayes = np.mean([log_p[:, ids - 1].sum(1).argmax() == k for ids, k in test])
print(f"final test accuracy {accuracy(model, test):.3f}  (best possible {bayes:.3f})")
