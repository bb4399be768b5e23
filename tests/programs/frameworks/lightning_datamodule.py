"""Diabetes progression with Lightning: a DataModule, clipping, accumulation, a schedule per step, early stopping."""

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class DiabetesDataModule(L.LightningDataModule):
    def __init__(self, batch_size=16):
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage):
        x, y = load_diabetes(return_X_y=True, scaled=False)
        x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
        whole = list(range(len(x)))
        generator = torch.Generator().manual_seed(42)
        train, val = random_split(whole, [352, 90], generator=generator)
        x = (x - x[list(train)].mean(0)) / x[list(train)].std(0)
        y = (y - y[list(train)].mean()) / y[list(train)].std()
        self.train_set = TensorDataset(x[list(train)], y[list(train)])
        self.val_set = TensorDataset(x[list(val)], y[list(val)])

    def train_dataloader(self):
        return DataLoader(self.train_set, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val_set, batch_size=self.batch_size)


class Regressor(L.LightningModule):
    def __init__(self, lr=5e-3):
        super().__init__()
        self.lr = lr
        self.body = nn.Sequential(nn.Linear(10, 32), nn.LayerNorm(32), nn.GELU(), nn.Dropout(0.1))
        self.head = nn.Linear(32, 1)
        self.criterion = nn.MSELoss()

    def forward(self, x):
        return self.head(self.body(x))

    def shared_step(self, batch, stage):
        x, y = batch
        prediction = self(x).squeeze(1)
        loss = self.criterion(prediction, y)
        self.log(f"{stage}_loss", loss, prog_bar=True)
        return loss

    def training_step(self, batch, batch_idx):
        return self.shared_step(batch, "train")

    def validation_step(self, batch, batch_idx):
        return self.shared_step(batch, "val")

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=1e-2)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=self.lr, total_steps=self.trainer.estimated_stepping_batches
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def main():
    L.seed_everything(1, workers=True)
    trainer = L.Trainer(
        max_epochs=12,
        accelerator="cpu",
        accumulate_grad_batches=2,
        gradient_clip_val=1.0,
        callbacks=[EarlyStopping("val_loss", patience=6)],
        logger=False,
        enable_checkpointing=False,
    )
    model = Regressor()
    trainer.fit(model, datamodule=DiabetesDataModule())
    print(f"validation loss {trainer.callback_metrics['val_loss'].item():.3f}")


if __name__ == "__main__":
    main()
