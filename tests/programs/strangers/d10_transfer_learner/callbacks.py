import torch


class Callback:
    order = 0

    def before_fit(self): pass
    def before_epoch(self): pass
    def before_batch(self): pass
    def after_backward(self): pass
    def after_batch(self): pass
    def after_epoch(self): pass
    def after_fit(self): pass


class MetricsCB(Callback):
    order = 10

    def __init__(self, every=1):
        self.every = every
        self.log = []

    def before_epoch(self):
        self.stats = {True: [0.0, 0, 0], False: [0.0, 0, 0]}

    def after_batch(self):
        s, n = self.stats[self.learn.training], len(self.learn.xb)
        s[0] += self.learn.loss.item() * n
        s[1] += (self.learn.preds.argmax(1) == self.learn.yb).sum().item()
        s[2] += n

    def after_epoch(self):
        (tl, tc, tn), (vl, vc, vn) = self.stats[True], self.stats[False]
        self.log.append((tl / tn, vl / vn, vc / vn))
        if (self.learn.epoch + 1) % self.every == 0:
            print(f'{self.learn.epoch:3d}  train {tl / tn:.4f} ({tc / tn:.3f})  '
                  f'valid {vl / vn:.4f} ({vc / vn:.3f})')


class GradClip(Callback):
    def __init__(self, max_norm):
        self.max_norm = max_norm

    def after_backward(self):
        torch.nn.utils.clip_grad_norm_(self.learn.model.parameters(), self.max_norm)


class Unfreeze(Callback):
    """Train the head alone for `epoch` epochs, then the whole network."""

    def __init__(self, epoch, body):
        self.epoch, self.body = epoch, body

    def before_epoch(self):
        if self.learn.epoch == self.epoch:
            for p in self.body.parameters():
                p.requires_grad_(True)
            print('-- body unfrozen')


class CosineLR(Callback):
    def before_fit(self):
        steps = self.learn.n_epochs * len(self.learn.data.train_dl)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.learn.opt, T_max=steps)

    def after_batch(self):
        if self.learn.training:
            self.sched.step()
