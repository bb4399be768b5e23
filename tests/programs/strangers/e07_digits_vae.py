import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

torch.manual_seed(0)

LATENT = 8
EPOCHS = 40
WARMUP = 20     # epochs until the KL term has its full weight
BATCH = 100

digits = load_digits()
X = torch.tensor(digits.data / 16.0, dtype=torch.float32)
X_train, X_test, y_train, y_test = train_test_split(X, digits.target, test_size=0.2, random_state=0)


class VAE(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.fc21 = nn.Linear(128, latent)
        self.fc22 = nn.Linear(128, latent)
        self.fc3 = nn.Linear(latent, 128)
        self.fc4 = nn.Linear(128, 64)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return self.fc4(F.relu(self.fc3(z)))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def elbo_terms(logits, x, mu, logvar):
    """summed over pixels / latents, averaged over the batch"""
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(x)
    return bce, kld


@torch.no_grad()
def evaluate(model, x, samples=10):
    bce = kld = 0.0
    for _ in range(samples):
        logits, mu, logvar = model(x)
        b, k = elbo_terms(logits, x, mu, logvar)
        bce += b.item() / samples
        kld += k.item() / samples
    return bce, kld


def show(img):
    chars = " .:-=+*#%@"
    for row in img.reshape(8, 8):
        print("".join(chars[min(9, int(v * 10))] * 2 for v in row))


model = VAE(LATENT)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(EPOCHS):
    beta = min(1.0, epoch / WARMUP)
    perm = torch.randperm(len(X_train))
    total = 0.0
    for i in range(0, len(perm), BATCH):
        x = X_train[perm[i:i + BATCH]]
        logits, mu, logvar = model(x)
        bce, kld = elbo_terms(logits, x, mu, logvar)
        loss = bce + beta * kld
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    if epoch % 4 == 3 or epoch == 0:
        tb, tk = evaluate(model, X_test)
        print(f"epoch {epoch + 1:3d}  beta {beta:.2f}  train loss {total / len(X_train):7.3f}  "
              f"test recon {tb:.3f}  kl {tk:.3f}  -elbo {tb + tk:.3f}")

with torch.no_grad():
    mean_logits = torch.logit(X_train.mean(0).clamp(1e-4, 1 - 1e-4)).expand_as(X_test)
    base = F.binary_cross_entropy_with_logits(mean_logits, X_test, reduction="sum").item() / len(X_test)
    z_train = model.encode(X_train)[0].numpy()
    z_test, _ = model.encode(X_test)
    active = int((z_test.var(0) > 0.05).sum())
    sample = torch.sigmoid(model.decode(torch.randn(2, LATENT)))

clf = LogisticRegression(max_iter=2000).fit(z_train, y_train)
print(f"recon of the mean image: {base:.3f}")
print(f"active latents: {active}/{LATENT}")
print(f"linear probe on the latent means: {clf.score(z_test.numpy(), y_test):.3f}")
for img in sample:
    show(img)
    print("-" * 16)
