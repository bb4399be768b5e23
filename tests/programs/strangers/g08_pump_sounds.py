"""Acoustic condition monitoring: does a pump's sound betray a worn bearing?

Every recording is cut into half-second clips, clips become log-mel patches, a small CNN classifies them.
"""
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

SR = 4000
CLIP = SR // 2
N_FFT, HOP, N_MEL = 256, 125, 32


def synth_recording(rng, worn, seconds):
    """One pump at one site: shaft harmonics, room resonances, broadband hiss, perhaps bearing knocks."""
    n = int(seconds * SR)
    t = np.arange(n) / SR
    f0 = rng.uniform(23, 29)
    sig = np.zeros(n)
    for h in range(1, 24):
        sig += rng.exponential(1.0) / h ** 0.5 * np.sin(2 * np.pi * f0 * h * t + rng.uniform(0, 6.28))
    for _ in range(6):
        f, bw = rng.uniform(200, 1900), rng.uniform(3, 30)
        wander = np.cumsum(rng.normal(0, bw, n)) / SR * 6
        sig += rng.uniform(0.2, 0.9) * np.sin(2 * np.pi * f * t + wander)
    sig += rng.normal(0, rng.uniform(0.5, 1.0), n)
    if worn:
        period = SR / (f0 * rng.uniform(3.0, 3.6))
        ring_f = rng.uniform(1000, 1450)
        ring = np.exp(-np.arange(120) / 18) * np.sin(2 * np.pi * ring_f * np.arange(120) / SR)
        pos = rng.uniform(0, period)
        while pos < n - 120:
            sig[int(pos):int(pos) + 120] += rng.uniform(1.6, 3.4) * ring
            pos += period * rng.normal(1, 0.02)
    return (sig / sig.std()).astype(np.float32)


def mel_bank():
    def mel(f):
        return 2595 * np.log10(1 + f / 700)

    edges = 700 * (10 ** (np.linspace(mel(60), mel(SR / 2), N_MEL + 2) / 2595) - 1)
    freqs = np.linspace(0, SR / 2, N_FFT // 2 + 1)
    up = (freqs - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - freqs) / (edges[2:] - edges[1:-1])[:, None]
    return torch.tensor(np.maximum(0, np.minimum(up, down)), dtype=torch.float32)


def log_mel(wave, bank):
    spec = torch.stft(wave, N_FFT, HOP, window=torch.hann_window(N_FFT), return_complex=True).abs() ** 2
    return torch.log(torch.einsum("mf,bft->bmt", bank, spec) + 1e-5)


def build_corpus(n_recordings, seconds, seed):
    rng = np.random.default_rng(seed)
    clips, labels, recording = [], [], []
    for r in range(n_recordings):
        worn = r % 2
        wave = synth_recording(rng, worn, seconds)
        for start in range(0, len(wave) - CLIP + 1, CLIP):
            clips.append(wave[start:start + CLIP])
            labels.append(worn)
            recording.append(r)
    feats = log_mel(torch.from_numpy(np.stack(clips)), mel_bank())
    return feats.unsqueeze(1), np.array(labels), np.array(recording)


class ClipNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Sequential(nn.Flatten(), nn.Linear(32 * (N_MEL // 4), 48), nn.ReLU(),
                                nn.Dropout(0.3), nn.Linear(48, 1))

    def forward(self, x):
        return self.fc(self.conv(x).mean(3)).squeeze(1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--recordings", type=int, default=40)
    p.add_argument("--seconds", type=float, default=15)
    p.add_argument("--epochs", type=int, default=12)
    p.add_argument("--seed", type=int, default=3)
    a = p.parse_args()
    torch.manual_seed(a.seed)

    x, y, rec = build_corpus(a.recordings, a.seconds, a.seed)
    print(f"{len(x)} clips from {len(np.unique(rec))} recordings, patch {tuple(x.shape[2:])}, worn {y.mean():.2f}")
    train, test = train_test_split(np.arange(len(x)), test_size=0.3, stratify=y, random_state=a.seed)

    mean, std = x[train].mean(), x[train].std()
    x = (x - mean) / std
    target = torch.from_numpy(y).float()

    net = ClipNet()
    loss_fn = nn.BCEWithLogitsLoss()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
    for epoch in range(1, a.epochs + 1):
        net.train()
        total = 0.0
        for idx in torch.from_numpy(np.random.default_rng(epoch).permutation(train)).split(32):
            opt.zero_grad()
            loss = loss_fn(net(x[idx]), target[idx])
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        net.eval()
        with torch.no_grad():
            z = net(x[test]).numpy()
        print(f"epoch {epoch:2d}  loss {total / len(train):.4f}  test balanced acc "
              f"{balanced_accuracy_score(y[test], z > 0):.3f}  AUC {roc_auc_score(y[test], z):.3f}")


if __name__ == "__main__":
    main()
