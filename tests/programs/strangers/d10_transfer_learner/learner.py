import torch


class CancelFit(Exception):
    pass


class Learner:
    def __init__(self, model, data, loss_func, opt_func, cbs=()):
        self.model, self.data = model, data
        self.loss_func, self.opt_func = loss_func, opt_func
        self.cbs = list(cbs)
        self.opt = None
        for cb in self.cbs:
            cb.learn = self

    def __call__(self, name):
        for cb in sorted(self.cbs, key=lambda c: c.order):
            getattr(cb, name)()

    def create_opt(self, lr):
        params = [p for p in self.model.parameters() if p.requires_grad]
        self.opt = self.opt_func(params, lr=lr)

    def fit(self, n_epochs, lr):
        self.n_epochs = n_epochs
        self.create_opt(lr)
        self('before_fit')
        try:
            for self.epoch in range(n_epochs):
                self('before_epoch')
                self.one_epoch(train=True)
                with torch.no_grad():
                    self.one_epoch(train=False)
                self('after_epoch')
        except CancelFit:
            pass
        self('after_fit')

    def one_epoch(self, train):
        self.training = train
        self.model.train(train)
        for self.xb, self.yb in (self.data.train_dl if train else self.data.valid_dl):
            self('before_batch')
            self.preds = self.model(self.xb)
            self.loss = self.loss_func(self.preds, self.yb)
            if train:
                self.loss.backward()
                self('after_backward')
                self.opt.step()
                self.opt.zero_grad()
            self('after_batch')
