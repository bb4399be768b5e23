# Linear-chain CRF on top of a bidirectional LSTM.
#
# Data: a gambler switches between K hidden dice; transitions are sticky and some are
# forbidden, observations are a face plus a noisy analogue reading of the throw.
# Everything is index loops and raw buffers; I come from C++ and I like to see the indices.
import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

NUM_STATES = 4
NUM_FACES = 6
EMB_DIM = 12
HIDDEN = 24
BATCH = 50
NUM_TRAIN = 1000
NUM_TEST = 300
NUM_EPOCHS = 6

rng = np.random.RandomState(17)
torch.manual_seed(17)

TRANS = np.array([[0.85, 0.15, 0.00, 0.00],
                  [0.00, 0.80, 0.20, 0.00],
                  [0.10, 0.00, 0.75, 0.15],
                  [0.20, 0.00, 0.00, 0.80]])
EMIT = rng.dirichlet(0.9 * np.ones(NUM_FACES), size=NUM_STATES)
LEVEL = np.array([-0.5, 0.0, 0.4, 0.9])


def make_corpus(count):
    corpus = []
    for _ in range(count):
        length = rng.randint(6, 36)
        states = np.zeros(length, dtype=np.int64)
        states[0] = rng.randint(NUM_STATES)
        for t in range(1, length):
            states[t] = rng.choice(NUM_STATES, p=TRANS[states[t - 1]])
        faces = np.array([rng.choice(NUM_FACES, p=EMIT[s]) for s in states], dtype=np.int64)
        reading = (LEVEL[states] + 0.8 * rng.randn(length)).astype(np.float32)
        corpus.append((faces, reading, states))
    return corpus


def make_batch(items):
    # longest first, so that pack_padded_sequence is happy without sorting by itself
    items = sorted(items, key=lambda it: -len(it[0]))
    lengths = torch.tensor([len(it[0]) for it in items])
    T = int(lengths[0])
    faces = torch.zeros(len(items), T, dtype=torch.long)
    reading = torch.zeros(len(items), T)
    states = torch.zeros(len(items), T, dtype=torch.long)
    for b, (f, r, s) in enumerate(items):
        n = len(f)
        faces[b, :n] = torch.from_numpy(f)
        reading[b, :n] = torch.from_numpy(r)
        states[b, :n] = torch.from_numpy(s)
    return faces, reading, states, lengths


class Crf(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = torch.nn.Embedding(NUM_FACES, EMB_DIM)
        self.lstm = torch.nn.LSTM(EMB_DIM + 1, HIDDEN, batch_first=True, bidirectional=True)
        self.proj = torch.nn.Linear(2 * HIDDEN, NUM_STATES)
        self.trans = torch.nn.Parameter(torch.zeros(NUM_STATES, NUM_STATES))   # [from][to]
        self.first = torch.nn.Parameter(torch.zeros(NUM_STATES))

    def emissions(self, faces, reading, lengths):
        x = torch.cat([self.emb(faces), reading.unsqueeze(2)], dim=2)
        y, _ = self.lstm(pack_padded_sequence(x, lengths, batch_first=True))
        y, _ = pad_packed_sequence(y, batch_first=True)
        return self.proj(y)

    def log_partition(self, e, lengths):
        alpha = self.first + e[:, 0]
        for t in range(1, e.size(1)):
            nxt = torch.logsumexp(alpha.unsqueeze(2) + self.trans.unsqueeze(0), dim=1) + e[:, t]
            live = (t < lengths).unsqueeze(1)
            alpha = torch.where(live, nxt, alpha)      # finished sequences keep their value
        return torch.logsumexp(alpha, dim=1)

    def path_score(self, e, states, lengths):
        B, T, _ = e.shape
        rows = torch.arange(B)
        total = self.first[states[:, 0]] + e[rows, 0, states[:, 0]]
        for t in range(1, T):
            gain = self.trans[states[:, t - 1], states[:, t]] + e[rows, t, states[:, t]]
            total = total + gain * (t < lengths)
        return total

    def nll(self, faces, reading, states, lengths):
        e = self.emissions(faces, reading, lengths)
        return (self.log_partition(e, lengths) - self.path_score(e, states, lengths)).sum() / lengths.sum()

    @torch.no_grad()
    def viterbi(self, faces, reading, lengths):
        e = self.emissions(faces, reading, lengths)
        B, T, K = e.shape
        stay = torch.arange(K).expand(B, K)
        best = self.first + e[:, 0]
        back = []
        for t in range(1, T):
            value, arg = (best.unsqueeze(2) + self.trans).max(dim=1)
            live = (t < lengths).unsqueeze(1)
            best = torch.where(live, value + e[:, t], best)
            back.append(torch.where(live, arg, stay))  # past the end: point to yourself
        path = torch.zeros(B, T, dtype=torch.long)
        cur = best.argmax(dim=1)
        path[:, T - 1] = cur
        for t in range(T - 2, -1, -1):
            cur = back[t].gather(1, cur.unsqueeze(1)).squeeze(1)
            path[:, t] = cur
        return path


def evaluate(model, batches):
    model.eval()
    good = bad_moves = moves = total = single = 0
    for faces, reading, states, lengths in batches:
        mask = torch.arange(faces.size(1)) < lengths.unsqueeze(1)
        path = model.viterbi(faces, reading, lengths)
        good += int(((path == states) & mask).sum())
        with torch.no_grad():
            greedy = model.emissions(faces, reading, lengths).argmax(2)
        single += int(((greedy == states) & mask).sum())
        total += int(mask.sum())
        pair = mask[:, 1:]
        forbidden = torch.from_numpy(TRANS == 0)[path[:, :-1], path[:, 1:]]
        bad_moves += int((forbidden & pair).sum())
        moves += int(pair.sum())
    return good / total, single / total, bad_moves / moves


def main():
    train, test = make_corpus(NUM_TRAIN), make_corpus(NUM_TEST)
    test_batches = [make_batch(test[i:i + 100]) for i in range(0, NUM_TEST, 100)]
    counts = np.bincount(np.concatenate([s for _, _, s in test]), minlength=NUM_STATES)
    print("majority state share: %.4f" % (counts.max() / counts.sum()))

    model = Crf()
    trans_params = [model.trans, model.first]
    net_params = [p for n, p in model.named_parameters() if n not in ("trans", "first")]
    opt = torch.optim.Adam([{"params": net_params, "lr": 5e-3}, {"params": trans_params, "lr": 5e-2}])
    for epoch in range(NUM_EPOCHS):
        model.train()
        order = rng.permutation(NUM_TRAIN)
        acc = 0.0
        for i in range(0, NUM_TRAIN, BATCH):
            faces, reading, states, lengths = make_batch([train[j] for j in order[i:i + BATCH]])
            loss = model.nll(faces, reading, states, lengths)
            for p in model.parameters():
                p.grad = None
            loss.backward()
            opt.step()
            acc += loss.item()
        v, g, bad = evaluate(model, test_batches)
        print("epoch %d  nll/throw %.4f  viterbi acc %.4f  emissions-only acc %.4f  forbidden moves %.4f"
              % (epoch, acc / (NUM_TRAIN // BATCH), v, g, bad))


if __name__ == "__main__":
    main()
