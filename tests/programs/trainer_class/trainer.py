"""A trainer that owns the loop: the optimizer steps on a closure that computes, clears and goes backward."""

import torch
from torch import nn


class TaskModule(nn.Module):
    trainer = None

    def log(self, name, value):
        self.trainer.collect(name, value.detach())

    def optimizer_step(self, optimizer, closure):
        optimizer.step(closure=closure)

    def optimizer_zero_grad(self, optimizer):
        optimizer.zero_grad()


class Trainer:
    def __init__(self, max_epochs, callbacks=(), gradient_clip_val=None, num_sanity_val_steps=0):
        self.max_epochs = max_epochs
        self.callbacks = list(callbacks)
        self.gradient_clip_val = gradient_clip_val
        self.num_sanity_val_steps = num_sanity_val_steps
        self.epoch, self.should_stop = 0, False
        self._logged = {}

    def collect(self, name, value):
        self._logged.setdefault(name, []).append(value)

    def metrics(self):
        means = {name: torch.stack(values).mean().item() for name, values in self._logged.items()}
        self._logged.clear()
        return means

    def fit(self, module, data):
        module.trainer = self
        optimizer, scheduler = module.configure_optimizers()
        val_loader = data.val_dataloader()
        if self.num_sanity_val_steps:
            self._evaluate(module, module.validation_step, val_loader, self.num_sanity_val_steps)
            self.metrics()
        for self.epoch in range(self.max_epochs):
            module.train()
            for batch_idx, batch in enumerate(data.train_dataloader()):
                self._training_batch(module, optimizer, batch, batch_idx)
            self._evaluate(module, module.validation_step, val_loader)
            metrics = self.metrics()
            scheduler.step(metrics["val_loss"])
            for callback in self.callbacks:
                callback.on_validation_end(self, module, metrics)
            if self.should_stop:
                break

    def test(self, module, data):
        self._evaluate(module, module.test_step, data.test_dataloader())
        return self.metrics()

    def _training_batch(self, module, optimizer, batch, batch_idx):
        def closure():
            loss = module.training_step(batch, batch_idx)
            module.optimizer_zero_grad(optimizer)
            loss.backward()
            if self.gradient_clip_val is not None:
                nn.utils.clip_grad_norm_(module.parameters(), self.gradient_clip_val)
            return loss

        module.optimizer_step(optimizer, closure)

    def _evaluate(self, module, step, loader, limit=None):
        was_training = module.training
        module.eval()
        with torch.no_grad():
            for batch_idx, batch in enumerate(loader):
                if limit is not None and batch_idx >= limit:
                    break
                step(batch, batch_idx)
        module.train(was_training)
