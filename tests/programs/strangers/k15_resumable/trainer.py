import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Trainer:
    """bfloat16 autocast, gradient accumulation, clipping, EMA, one-cycle schedule; can be stopped and resumed exactly."""

    def __init__(self, model, loader, gen, epochs, accum, lr, clip=1.0, decay=0.98):
        self.model, self.loader, self.gen = model, loader, gen
        self.epochs, self.accum, self.clip = epochs, accum, clip
        norm_or_bias = [p for p in model.parameters() if p.ndim < 2]
        matrices = [p for p in model.parameters() if p.ndim >= 2]
        self.opt = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05},
                                      {"params": norm_or_bias, "weight_decay": 0.0}], lr=lr)
        self.updates_per_epoch = -(-len(loader) // accum)
        self.sched = torch.optim.lr_scheduler.OneCycleLR(
            self.opt, max_lr=lr, total_steps=epochs * self.updates_per_epoch, pct_start=0.2)
        self.ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
        self.loss_fn = nn.CrossEntropyLoss(reduction="sum")
        self.epoch = 0
        self.updates = 0

    def _group(self, batches):
        """One optimizer update from up to `accum` micro-batches; the loss is averaged over the examples of the group."""
        size = sum(len(y) for _, y in batches)
        total = 0.0
        for x, y in batches:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = self.model(x)
            loss = self.loss_fn(logits.float(), y) / size
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.opt.step()
        self.opt.zero_grad(set_to_none=True)
        self.sched.step()
        self.ema.update_parameters(self.model)
        self.updates += 1
        return total

    def run(self, until):
        while self.epoch < until:
            self.model.train()
            held, losses = [], []
            for batch in self.loader:
                held.append(batch)
                if len(held) == self.accum:
                    losses.append(self._group(held))
                    held = []
            if held:
                losses.append(self._group(held))
            self.epoch += 1
            print(f"epoch {self.epoch:2d}  updates {self.updates:3d}  loss {sum(losses) / len(losses):.4f}  "
                  f"lr {self.sched.get_last_lr()[0]:.2e}")

    def save(self, path):
        torch.save({"model": self.model.state_dict(), "opt": self.opt.state_dict(), "sched": self.sched.state_dict(),
                    "ema": self.ema.state_dict(), "epoch": self.epoch, "updates": self.updates,
                    "torch_rng": torch.get_rng_state(), "loader_rng": self.gen.get_state()}, path)

    def load(self, path):
        ck = torch.load(path, weights_only=True)
        self.model.load_state_dict(ck["model"])
        self.opt.load_state_dict(ck["opt"])
        self.sched.load_state_dict(ck["sched"])
        self.ema.load_state_dict(ck["ema"])
        self.epoch, self.updates = ck["epoch"], ck["updates"]
        torch.set_rng_state(ck["torch_rng"])
        self.gen.set_state(ck["loader_rng"])
        return self


@torch.inference_mode()
def accuracy(model, x, y):
    model.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return (model(x).argmax(-1) == y).float().mean().item()
