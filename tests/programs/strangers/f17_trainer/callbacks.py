import copy
import math
import time

import torch


class Callback:
    def on_train_begin(self, trainer):
        pass

    def on_step_end(self, trainer):
        pass

    def on_epoch_end(self, trainer):
        pass

    def on_train_end(self, trainer):
        pass


class WarmupCosine(Callback):
    """Linear warm-up for `warmup` updates, then half a cosine down to zero."""

    def __init__(self, warmup):
        self.warmup = warmup

    def on_train_begin(self, trainer):
        total = trainer.config.epochs * len(trainer.train_loader)

        def factor(step):
            if step < self.warmup:
                return (step + 1) / self.warmup
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - self.warmup) / (total - self.warmup))))

        self.scheduler = torch.optim.lr_scheduler.LambdaLR(trainer.optimizer, factor)

    def on_epoch_end(self, trainer):
        self.scheduler.step()


class KeepBest(Callback):
    def __init__(self, key="val_acc"):
        self.key, self.best, self.state = key, -math.inf, None

    def on_epoch_end(self, trainer):
        if trainer.metrics[self.key] > self.best:
            self.best = trainer.metrics[self.key]
            self.state = copy.deepcopy(trainer.model.state_dict())

    def on_train_end(self, trainer):
        trainer.model.load_state_dict(self.state)


class Progress(Callback):
    def __init__(self, every):
        self.every = every

    def on_train_begin(self, trainer):
        self.start = time.time()

    def on_epoch_end(self, trainer):
        if trainer.epoch % self.every == 0:
            text = "  ".join(f"{k} {v:.4f}" for k, v in trainer.metrics.items())
            print(f"[{trainer.epoch:3d}/{trainer.config.epochs}] {text}  {time.time() - self.start:.1f}s")
