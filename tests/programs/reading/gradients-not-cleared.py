# fault: a loop that forgets it
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()  # <-
# fault: a trainer class that clears once per epoch
class Trainer:
    def __init__(self, model, optimizer):
        self.model = model
        self.optimizer = optimizer
        self.criterion = nn.CrossEntropyLoss()

    def fit(self, batches, count):
        for _ in range(count):
            self.optimizer.zero_grad()
            for x, y in batches:
                self.update(x, y)

    def update(self, x, y):
        loss = self.criterion(self.model(x), y)
        loss.backward()
        self.optimizer.step()  # <-


Trainer(model, optimizer).fit(loader, epochs)
# fault: accumulation that steps and never clears
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y) / 4
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()  # <-
# near: cleared through the model, in a helper
def reset():
    model.zero_grad()


for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
    reset()
# near: cleared by hand
for x, y in loader:
    for p in model.parameters():
        p.grad = None
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: an optimizer of one's own, which clears after its update
class Descent(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        self.move()

    def move(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(p.grad, alpha=group["lr"])
                p.grad = None


descent = Descent(model.parameters(), lr=0.1)
for x, y in loader:
    loss_fn(model(x), y).backward()
    descent.step()
# fault: an optimizer of one's own, which leaves that to others
class Plain(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(p.grad, alpha=group["lr"])

    def zero_grad(self):
        for p in self.param_groups[0]["params"]:
            p.grad = None


plain = Plain(model.parameters(), 0.1)
for x, y in loader:
    loss_fn(model(x), y).backward()
    plain.step()  # <-
# near: accumulation
for i, (x, y) in enumerate(loader):
    (loss_fn(model(x), y) / 4).backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# near: a closure clears
lbfgs = torch.optim.LBFGS(model.parameters())
for x, y in loader:

    def closure():
        lbfgs.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        return loss

    lbfgs.step(closure)
# near: a step of a framework that may clear
from somewhere import clear_after

for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
    clear_after(optimizer)
# near: a function that somebody calls once per batch
def train_step(net, opt, x, y):
    loss = loss_fn(net(x), y)
    loss.backward()
    opt.step()
    return loss.item()
# near: two optimizers, each cleared before its own backward
body, head = nn.Linear(8, 16), nn.Linear(16, 4)
first, second = torch.optim.SGD(body.parameters(), 0.1), torch.optim.SGD(head.parameters(), 0.1)
for x, y in loader:
    first.zero_grad()
    second.zero_grad()
    loss_fn(head(torch.relu(body(x))), y).backward()
    first.step()
    second.step()
# fault: two optimizers in a list
body, head = nn.Linear(8, 16), nn.Linear(16, 4)
optimizers = [torch.optim.SGD(body.parameters(), lr=0.05), torch.optim.SGD(head.parameters(), lr=0.05)]
for x, y in loader:
    loss_fn(head(body(x)), y).backward()
    for own in optimizers:
        own.step()  # <-
# near: two optimizers in a list, cleared in a loop of their own
body, head = nn.Linear(8, 16), nn.Linear(16, 4)
optimizers = [torch.optim.SGD(body.parameters(), lr=0.05), torch.optim.SGD(head.parameters(), lr=0.05)]
for x, y in loader:
    for own in optimizers:
        own.zero_grad()
    loss_fn(head(body(x)), y).backward()
    for own in optimizers:
        own.step()
# near: the optimizer is built when it is first asked for
class Trainer:
    def __init__(self):
        self.net, self.built = Net(), None

    @property
    def own(self):
        if self.built is None:
            self.built = torch.optim.SGD(self.net.parameters(), lr=0.05)
        return self.built

    def fit(self):
        for x, y in loader:
            self.own.zero_grad()
            loss_fn(self.net(x), y).backward()
            self.own.step()


Trainer().fit()
# near: a momentum by hand
for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
    for p in model.parameters():
        p.grad *= 0.9
# near: cleared by multiplying with nothing
for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
    for p in model.parameters():
        p.grad *= 0
# near: cleared by an item
for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
    for p in model.parameters():
        p.grad[:] = 0
# near: cleared by filling
for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad.fill_(0)
# near: deleted
for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
    for p in model.parameters():
        del p.grad
# fault: limited, noted down and never cleared
norms = []
for x, y in loader:
    loss_fn(model(x), y).backward()
    for p in model.parameters():
        p.grad.data.clamp_(-1, 1)
        norms.append(torch.norm(p.grad))
    optimizer.step()  # <-
