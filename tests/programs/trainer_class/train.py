"""Wine or not: trains the classifier of `task.py` with the Trainer of `trainer.py`."""
import torch

from callbacks import EarlyStopping, History, KeepBest
from task import WineQuality, WineData
from trainer import Trainer


def main():
    torch.manual_seed(31)
    data = WineData(batch_size=24, seed=31)
    module = WineQuality(width=20, learning_rate=2e-2)
    history, best = History(), KeepBest(monitor="val_loss")
    trainer = Trainer(
        max_epochs=18,
        callbacks=[history, best, EarlyStopping(monitor="val_loss", patience=8)],
        gradient_clip_val=5.0,
        num_sanity_val_steps=1,
    )
    trainer.fit(module, data)
    for row in history.rows[::4]:
        print("  ".join(f"{k} {v:.3f}" for k, v in row.items()))
    best.restore(module)
    result = trainer.test(module, data)
    print(f"best epoch {best.epoch}: test loss {result['test_loss']:.3f} accuracy {result['test_acc']:.3f}")


if __name__ == "__main__":
    main()
