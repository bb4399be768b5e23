"""Card-fraud screening with a denoising autoencoder (labels are only available for the audit sample)."""
import logging

import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import QuantileTransformer
from torch import nn
from torch.utils.data import DataLoader

logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s")
log = logging.getLogger("fraud")


class Bank:
    """Transactions live near a curved 4-d surface in 20 dimensions; fraud breaks the usual couplings."""

    def __init__(self, rng, latent=4, width=20):
        self.rng, self.latent = rng, latent
        self.a = rng.normal(0, 1, (latent, width))
        self.b = rng.normal(0, 1, (latent, width))

    def honest(self, n):
        z = self.rng.normal(0, 1, (n, self.latent))
        x = np.tanh(z @ self.a * 0.6) * 2 + np.sin(z @ self.b * 0.5)
        return x + self.rng.normal(0, 0.15, x.shape)

    def fraud(self, n):
        x, other = self.honest(n), self.honest(n)
        swap = self.rng.random(x.shape) < 0.25
        return np.where(swap, other, x)


def assemble(seed):
    rng = np.random.default_rng(seed)
    bank = Bank(rng)
    past = bank.honest(6000)
    audit_x = np.concatenate([bank.honest(3000), bank.fraud(60)])
    audit_y = np.r_[np.zeros(3000), np.ones(60)]
    shuffle = rng.permutation(len(audit_x))
    return past[:5000], past[5000:], audit_x[shuffle], audit_y[shuffle]


class AutoEncoder(nn.Module):
    def __init__(self, width, code):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(width, 64), nn.LeakyReLU(0.1), nn.Linear(64, 32),
                                     nn.LeakyReLU(0.1), nn.Linear(32, code))
        self.decoder = nn.Sequential(nn.Linear(code, 32), nn.LeakyReLU(0.1), nn.Linear(32, 64),
                                     nn.LeakyReLU(0.1), nn.Linear(64, width))

    def forward(self, x):
        if self.training:
            x = x + 0.1 * torch.randn_like(x)
        return self.decoder(self.encoder(x))


def to_tensor(a):
    return torch.as_tensor(a, dtype=torch.float32)


@torch.no_grad()
def residuals(net, x):
    net.eval()
    return (net(x) - x).pow(2)


def train(net, x, x_val, epochs=25):
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.3, patience=2)
    for epoch in range(epochs):
        net.train()
        cum = 0.0
        for batch in DataLoader(x, batch_size=128, shuffle=True):
            loss = nn.functional.mse_loss(net(batch), batch)
            opt.zero_grad()
            loss.backward()
            opt.step()
            cum += loss.item() * len(batch)
        val = residuals(net, x_val).mean().item()
        plateau.step(val)
        if epoch % 4 == 0 or epoch == epochs - 1:
            log.info("epoch %2d  reconstruction %.4f  held-out %.4f  lr %.1e",
                     epoch, cum / len(x), val, opt.param_groups[0]["lr"])


def main():
    torch.manual_seed(8)
    past, held_out, audit_x, audit_y = assemble(seed=8)
    scaler = QuantileTransformer(output_distribution="normal", n_quantiles=500, random_state=0).fit(past)
    past, held_out, audit_x = (to_tensor(scaler.transform(a)) for a in (past, held_out, audit_x))

    net = AutoEncoder(past.shape[1], code=5)
    train(net, past, held_out)

    # feature-wise noise level and alarm limit come from honest transactions not used in training
    ref = residuals(net, held_out)
    level = ref.mean(0)
    ref_score = (ref / level).mean(1)
    limit = torch.quantile(ref_score, 0.99)

    score = (residuals(net, audit_x) / level).mean(1)
    alarm = (score > limit).numpy()
    caught, wrong = alarm[audit_y == 1].mean(), alarm[audit_y == 0].mean()
    log.info("audit: AUC %.3f  average precision %.3f (base rate %.3f)",
             roc_auc_score(audit_y, score), average_precision_score(audit_y, score), audit_y.mean())
    log.info("audit: limit %.2f raises %d alarms, catches %.0f%% of fraud, %.2f%% of honest stopped",
             limit, alarm.sum(), 100 * caught, 100 * wrong)
    plain = audit_x.pow(2).mean(1)
    log.info("without the network (distance from the centre): AUC %.3f", roc_auc_score(audit_y, plain))


if __name__ == "__main__":
    main()
