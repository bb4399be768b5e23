"""Compress 8x8 digits to 16 numbers and back. Linear probe on the codes at the end."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

LATENT = 16
EPOCHS = 25
BATCH = 64


def get_data(seed=0):
    digits = load_digits()
    x = digits.data.astype("float32")
    y = digits.target
    rng = np.random.RandomState(seed)
    idx = rng.permutation(len(x))
    tr, te = idx[:1400], idx[1400:]
    mean, std = x[tr].mean(), x[tr].std()
    x = (x - mean) / std
    return torch.from_numpy(x[tr]), y[tr], torch.from_numpy(x[te]), y[te]


class Encoder(nn.Module):
    def __init__(self, d_in=64, d_z=LATENT):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(d_in, 96),
            nn.LeakyReLU(0.1),
            nn.Linear(96, d_z),
        )

    def forward(self, x):
        return self.layers(x)


class Decoder(nn.Module):
    def __init__(self, d_z=LATENT, d_out=64):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(d_z, 96),
            nn.LeakyReLU(0.1),
            nn.Linear(96, d_out),
            nn.Sigmoid(),
        )

    def forward(self, z):
        return self.layers(z)


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()

    def forward(self, x):
        return self.decoder(self.encoder(x))


def reconstruction_error(model, x):
    model.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(model(x), x).item()


def train():
    torch.manual_seed(0)
    xtr, ytr, xte, yte = get_data()
    model = AutoEncoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    mse = nn.MSELoss()
    print("variance of the test pixels: %.3f" % xte.var().item())

    for epoch in range(EPOCHS):
        model.train()
        perm = torch.randperm(len(xtr))
        for i in range(0, len(xtr), BATCH):
            batch = xtr[perm[i:i + BATCH]]
            optimizer.zero_grad()
            loss = mse(model(batch), batch)
            loss.backward()
            optimizer.step()
        if epoch % 4 == 0 or epoch == EPOCHS - 1:
            print("epoch %3d train mse %.4f test mse %.4f" % (
                epoch, reconstruction_error(model, xtr), reconstruction_error(model, xte)))

    model.eval()
    with torch.no_grad():
        ztr, zte = model.encoder(xtr).numpy(), model.encoder(xte).numpy()
    mu, sd = ztr.mean(0), ztr.std(0) + 1e-6
    probe = LogisticRegression(max_iter=500).fit((ztr - mu) / sd, ytr)
    print("probe accuracy %.3f" % probe.score((zte - mu) / sd, yte))


if __name__ == "__main__":
    train()
