# fault: a loop
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    loss.backward()  # <-
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# fault: a class
class Trainer:
    def __init__(self, every):
        self.every = every
        self.count = 0

    def fit(self):
        for x, y in loader:
            self.count += 1
            F.cross_entropy(model(x), y).backward()  # <-
            if self.count % self.every == 0:
                optimizer.step()
                optimizer.zero_grad()


Trainer(8).fit()
# near: divided
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y) / 4
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# near: divided later
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    loss = loss / 4
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# near: a sum
summed = nn.CrossEntropyLoss(reduction="sum")
for i, (x, y) in enumerate(loader):
    loss = summed(model(x), y)
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# near: everything now and then
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    if i % 4 == 0:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
# near: the gradients are divided before the step
for i, (x, y) in enumerate(loader):
    loss_fn(model(x), y).backward()
    if (i + 1) % 4 == 0:
        for p in model.parameters():
            p.grad /= 4
        optimizer.step()
        optimizer.zero_grad()
# near: divided by a function, where there are any
def average(groups, count):
    for group in groups:
        for p in group["params"]:
            if p.grad is not None:
                p.grad.data = p.grad.data / count


for i, (x, y) in enumerate(loader):
    loss_fn(model(x), y).backward()
    if (i + 1) % 4 == 0:
        average(optimizer.param_groups, 4)
        optimizer.step()
        optimizer.zero_grad()
# near: all gradients divided at once
for i, (x, y) in enumerate(loader):
    loss_fn(model(x), y).backward()
    if (i + 1) % 4 == 0:
        torch._foreach_div_([p.grad for p in model.parameters() if p.grad is not None], 4)
        optimizer.step()
        optimizer.zero_grad()
# near: a list of gradients
for i, (x, y) in enumerate(loader):
    loss_fn(model(x), y).backward()
    if (i + 1) % 4 == 0:
        for grad in [p.grad for p in model.parameters()]:
            grad.mul_(0.25)
        optimizer.step()
        optimizer.zero_grad()
# near: divided as they are computed
for p in model.parameters():
    p.register_hook(lambda grad: grad / 4)
for i, (x, y) in enumerate(loader):
    loss_fn(model(x), y).backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# near: divided by what backward starts from
for i, (x, y) in enumerate(loader):
    loss_fn(model(x), y).backward(gradient=torch.tensor(0.25))
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
# fault: noise is no division
for i, (x, y) in enumerate(loader):
    loss_fn(model(x), y).backward()  # <-
    if (i + 1) % 4 == 0:
        for p in model.parameters():
            p.grad += 0.01 * torch.randn_like(p)
        optimizer.step()
        optimizer.zero_grad()
# fault: limits are no division
for i, (x, y) in enumerate(loader):
    loss_fn(model(x), y).backward()  # <-
    if (i + 1) % 4 == 0:
        for p in model.parameters():
            p.grad.data.clamp_(-1, 1)
        optimizer.step()
        optimizer.zero_grad()
