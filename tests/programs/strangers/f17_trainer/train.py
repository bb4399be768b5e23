import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

from callbacks import KeepBest, Progress, WarmupCosine
from config import Config


class TinyViT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed = nn.Conv2d(1, c.dim, c.patch, stride=c.patch)
        tokens = (8 // c.patch) ** 2
        self.cls = nn.Parameter(torch.zeros(1, 1, c.dim))
        self.pos = nn.Parameter(0.02 * torch.randn(1, tokens + 1, c.dim))
        layer = nn.TransformerEncoderLayer(c.dim, c.heads, 2 * c.dim, c.dropout, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, c.depth, norm=nn.LayerNorm(c.dim), enable_nested_tensor=False)
        self.head = nn.Linear(c.dim, 10)

    def forward(self, x):
        z = self.embed(x).flatten(2).transpose(1, 2)
        z = torch.cat([self.cls.expand(len(x), -1, -1), z], dim=1) + self.pos
        return self.head(self.encoder(z)[:, 0])


class Trainer:
    def __init__(self, model, config, train_loader, val_loader, callbacks=()):
        self.model, self.config = model, config
        self.train_loader, self.val_loader = train_loader, val_loader
        self.callbacks = list(callbacks)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=config.optim.lr, weight_decay=config.optim.weight_decay)
        self.epoch, self.global_step, self.metrics = 0, 0, {}

    def fire(self, event):
        for cb in self.callbacks:
            getattr(cb, event)(self)

    def training_step(self, batch):
        x, y = batch
        loss = F.cross_entropy(self.model(x), y, label_smoothing=0.05)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optim.max_grad_norm)
        self.optimizer.step()
        self.global_step += 1
        return loss.item() * len(y)

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        loss, hits, n = 0.0, 0, 0
        for x, y in loader:
            out = self.model(x)
            loss += F.cross_entropy(out, y, reduction="sum").item()
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
        return loss / n, hits / n

    def fit(self):
        self.fire("on_train_begin")
        for self.epoch in range(1, self.config.epochs + 1):
            self.model.train()
            total = 0.0
            for batch in self.train_loader:
                total += self.training_step(batch)
                self.fire("on_step_end")
            val_loss, val_acc = self.evaluate(self.val_loader)
            self.metrics = {"loss": total / len(self.train_loader.dataset), "val_loss": val_loss, "val_acc": val_acc}
            self.fire("on_epoch_end")
        self.fire("on_train_end")


def main():
    config = Config()
    torch.manual_seed(config.seed)
    d = load_digits()
    data = TensorDataset(torch.tensor(d.images / 16, dtype=torch.float32).unsqueeze(1), torch.tensor(d.target))
    train, val, test = random_split(data, [1200, 200, len(data) - 1400])
    loaders = [DataLoader(train, config.batch_size, shuffle=True), DataLoader(val, 200), DataLoader(test, 200)]
    trainer = Trainer(TinyViT(config.model), config, loaders[0], loaders[1],
                      [WarmupCosine(config.optim.warmup_steps), KeepBest(), Progress(config.log_every)])
    trainer.fit()
    loss, acc = trainer.evaluate(loaders[2])
    print(f"{trainer.global_step} updates; best checkpoint on test: loss {loss:.4f}  accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
