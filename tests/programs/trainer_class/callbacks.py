"""What happens around an epoch."""

import copy


class Callback:
    def on_validation_end(self, trainer, module, metrics):
        pass


class History(Callback):
    def __init__(self):
        self.rows = []

    def on_validation_end(self, trainer, module, metrics):
        self.rows.append({"epoch": trainer.epoch, **metrics})


class EarlyStopping(Callback):
    def __init__(self, monitor, patience):
        self.monitor, self.patience = monitor, patience
        self.best, self.waited = float("inf"), 0

    def on_validation_end(self, trainer, module, metrics):
        if metrics[self.monitor] < self.best - 1e-4:
            self.best, self.waited = metrics[self.monitor], 0
        else:
            self.waited += 1
            trainer.should_stop = self.waited >= self.patience


class KeepBest(Callback):
    def __init__(self, monitor):
        self.monitor, self.best, self.epoch, self.state = monitor, float("inf"), -1, None

    def on_validation_end(self, trainer, module, metrics):
        if metrics[self.monitor] < self.best:
            self.best, self.epoch = metrics[self.monitor], trainer.epoch
            self.state = copy.deepcopy(module.state_dict())

    def restore(self, module):
        module.load_state_dict(self.state)
