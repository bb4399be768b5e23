# fault: clipped behind an optimizer
params = model.parameters()  # <-
optimizer = torch.optim.Adam(params)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
# fault: a filter, under another name
trainable = filter(lambda p: p.requires_grad, model.parameters())  # <-
optimizer = torch.optim.Adam(trainable, lr=1e-3)
to_clip = trainable

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(to_clip, 1.0)
        optimizer.step()
# fault: a generator expression
trainable = (p for p in model.parameters() if p.requires_grad)  # <-
optimizer = torch.optim.Adam(trainable, lr=1e-3)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
# fault: a chain
import itertools
net = Net()
params = itertools.chain(model.parameters(), net.parameters())  # <-
optimizer = torch.optim.Adam(params)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
# fault: a penalty
weights = model.parameters()  # <-
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        l1 = sum(p.abs().sum() for p in weights)
        (loss_fn(model(x), y) + 1e-4 * l1).backward()
        optimizer.step()
# fault: a penalty in a loop over names
weights = model.named_parameters()  # <-
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        for name, p in weights:
            if "weight" in name:
                loss = loss + 1e-4 * p.norm()
        loss.backward()
        optimizer.step()
# fault: an average in a class
class EMA:
    def __init__(self, source, decay=0.99):
        self.decay = decay
        self.params = source.parameters()  # <-
        self.shadow = [p.detach().clone() for p in self.params]

    @torch.no_grad()
    def update(self):
        for s, p in zip(self.shadow, self.params):
            s.mul_(self.decay).add_(p, alpha=1 - self.decay)

ema = EMA(model)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        pass
        optimizer.step()
        ema.update()
# fault: an average in a class, from its second step on
class EMA:
    def __init__(self, source, decay=0.99):
        self.decay = decay
        self.params = source.parameters()  # <-
        self.shadow = [p.detach().clone() for p in source.parameters()]

    @torch.no_grad()
    def update(self):
        for s, p in zip(self.shadow, self.params):
            s.mul_(self.decay).add_(p, alpha=1 - self.decay)

ema = EMA(model)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        pass
        optimizer.step()
        ema.update()
# fault: a function that goes through its argument twice
def clip(params, limit):
    total = torch.sqrt(sum((p.grad ** 2).sum() for p in params))
    if total > limit:
        for p in params:
            p.grad *= limit / total

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        clip(model.parameters(), 1.0)  # <-
        optimizer.step()
# fault: layers frozen and never thawed
net = Net()
layers = net.children()  # <-
optimizer = torch.optim.Adam(net.parameters())
for layer in layers:
    for p in layer.parameters():
        p.requires_grad = False
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
for layer in layers:
    for p in layer.parameters():
        p.requires_grad = True
# fault: a group of an optimizer
net = Net()
head = net.head.parameters()  # <-
print(sum(p.numel() for p in head))
optimizer = torch.optim.Adam([{"params": net.body.parameters()}, {"params": head, "lr": 0.1}])
# fault: a trainer that clips
class Trainer:
    def __init__(self, net):
        self.net = net
        self.params = net.parameters()  # <-
        self.opt = torch.optim.Adam(self.params)
    def fit(self):
        for x, y in loader:
            self.opt.zero_grad()
            loss_fn(self.net(x), y).backward()
            torch.nn.utils.clip_grad_value_(self.params, 0.5)
            self.opt.step()
Trainer(model).fit()
# fault: clipped by a companion
from accelerate import Accelerator
accelerator = Accelerator()
params = filter(lambda p: p.requires_grad, model.parameters())  # <-
optimizer = torch.optim.Adam(params)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
for x, y in loader:
    optimizer.zero_grad()
    accelerator.backward(loss_fn(model(x), y))
    if accelerator.sync_gradients:
        accelerator.clip_grad_norm_(params, 1.0)
    optimizer.step()
# fault: a closure
net = Net()
params = net.parameters()  # <-
opt = torch.optim.LBFGS(params)
x, y = next(iter(loader))
def closure():
    opt.zero_grad()
    loss = loss_fn(net(x), y) + 1e-3 * sum(p.pow(2).sum() for p in params)
    loss.backward()
    return loss
for step in range(10):
    opt.step(closure)
# fault: a module that keeps its own
class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()
        self.weights = self.net.parameters()  # <-
    def forward(self, x):
        return self.net(x)
    def penalty(self):
        return sum(w.pow(2).sum() for w in self.weights)
w = Wrapped()
opt = torch.optim.Adam(w.parameters())
for x, y in loader:
    opt.zero_grad()
    (loss_fn(w(x), y) + w.penalty()).backward()
    opt.step()
# fault: made by a function
def trainable(net):
    return filter(lambda p: p.requires_grad, net.parameters())  # <-
params = trainable(model)
optimizer = torch.optim.Adam(params)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
# near: asked anew
optimizer = torch.optim.Adam(model.parameters())

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
# near: a name given a new one
params = model.parameters()
optimizer = torch.optim.Adam(params)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        params = model.parameters()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
# near: an average of a list
class EMA:
    def __init__(self, source, decay=0.99):
        self.decay = decay
        self.params = list(source.parameters())
        self.shadow = [p.detach().clone() for p in self.params]

    @torch.no_grad()
    def update(self):
        for s, p in zip(self.shadow, self.params):
            s.mul_(self.decay).add_(p, alpha=1 - self.decay)

ema = EMA(model)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        pass
        optimizer.step()
        ema.update()
# near: a list made of the argument
def clip(params, limit):
    params = list(params)
    total = torch.sqrt(sum((p.grad ** 2).sum() for p in params))
    if total > limit:
        for p in params:
            p.grad *= limit / total

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        clip(model.parameters(), 1.0)
        optimizer.step()
# near: one of two ways
params = model.parameters()
if epochs > 2:
    optimizer = torch.optim.Adam(params)
else:
    optimizer = torch.optim.SGD(params, lr=0.1)
# near: a loop that is left
params = model.parameters()
for p in params:
    print(p.device)
    break
rest = [p for p in params]
# near: only the first
params = model.parameters()
device = next(params).device
rest = [p for p in params]
# near: groups, which the optimizer turns into lists
net = Net()
head = net.head.parameters()
groups = [{"params": net.body.parameters()}, {"params": head, "lr": 0.1}]
optimizer = torch.optim.Adam(groups)
for epoch in range(3):
    for g in groups:
        nn.utils.clip_grad_norm_(g["params"], 1.0)
    nn.utils.clip_grad_norm_(groups[1]["params"], 1.0)
    nn.utils.clip_grad_norm_(optimizer.param_groups[1]["params"], 1.0)
# near: torch stops by itself
params = model.parameters()
print(sum(p.numel() for p in params))
optimizer = torch.optim.Adam(params)
# near: the first copy of an average
class Avg:
    def __init__(self, net):
        self.source = net.parameters()
        self.shadow = None
    def update(self):
        if self.shadow is None:
            self.shadow = [p.clone() for p in self.source]
            return
        print(len(self.shadow))
avg = Avg(model)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        avg.update()
        optimizer.step()
# near: the first copy, by an empty list
class A:
    def __init__(self, net):
        self.params = net.parameters()
        self.shadow = []
    def make(self):
        return sum(p.numel() for p in self.params)
    def step(self):
        if not self.shadow:
            self.shadow = [p.clone() for p in self.params]
a = A(model)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        a.step()
        optimizer.step()
# near: in the first epoch
params = model.parameters()

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        if epoch == 0:
            before = [p.clone() for p in params]
        optimizer.step()
# near: a property
class Trainer:
    def __init__(self, net):
        self.net = net
        self.opt = torch.optim.Adam(self.params)
    @property
    def params(self):
        return self.net.parameters()
    def fit(self):
        for x, y in loader:
            self.opt.zero_grad()
            loss_fn(self.net(x), y).backward()
            torch.nn.utils.clip_grad_value_(self.params, 0.5)
            self.opt.step()
Trainer(model).fit()
# near: a method of the user's that returns a list
class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 4)
    def forward(self, x):
        return self.a(x)
    def parameters(self):
        return [self.a.weight, self.a.bias]
own = Own()
params = own.parameters()
optimizer = torch.optim.Adam(params)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(own(x), y).backward()
    torch.nn.utils.clip_grad_norm_(params, 0.5)
    optimizer.step()
# near: no module of torch
from tiny import Sequential, Linear
network = Sequential([Linear(8, 4)])
parameters = network.parameters()
for p in parameters:
    p.requires_grad = True
for x, y in loader:
    for p in parameters:
        p.grad = None
    F.cross_entropy(network(x), y).backward()
    for p in parameters:
        p.data += -0.1 * p.grad
# near: a list of a chain
import itertools
params = list(itertools.chain(model.parameters(), Net().parameters()))
optimizer = torch.optim.Adam(params)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
# near: tee
import itertools
a, b = itertools.tee(model.parameters())
optimizer = torch.optim.Adam(a)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(b, 1.0)
        optimizer.step()
# near: a flat vector given out layer by layer
net = Net()
flat = net.parameters()
for layer in [nn.Linear(8, 16), nn.Linear(16, 4)]:
    for mine, theirs in zip(layer.parameters(), flat):
        mine.data.copy_(theirs.data)
# near: a tuple
params = tuple(model.parameters())
optimizer = torch.optim.Adam(params)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
# near: turned into a list
params = model.parameters()
for epoch in range(3):
    params = list(params)
    for p in params:
        p.requires_grad_(True)
# near: a generator of the user's
def weights(params):
    for p in params:
        if p.dim() > 1:
            yield p
params = model.parameters()
for w in weights(params):
    print(w)
# near: the first two, then the rest
import itertools
params = model.parameters()
first = list(itertools.islice(params, 2))
rest = list(params)
# near: any
params = model.parameters()
if any(p.dim() > 3 for p in params):
    print("conv")
rest = list(params)
# near: a function for later
import atexit
params = model.parameters()
def report():
    print(sum(p.norm() for p in params))
atexit.register(report)
opt = torch.optim.Adam(params)
