# fault: between backward and step
for x, y in loader:
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.zero_grad()  # <-
    optimizer.step()
# fault: in a method two calls away
class Learner:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.Adam(self.net.parameters())

    def run(self):
        for x, y in loader:
            F.cross_entropy(self.net(x), y).backward()
            self.apply()

    def apply(self):
        self.clear()
        self.opt.step()

    def clear(self):
        self.net.zero_grad()  # <-


Learner().run()
# near: right after the step
for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
    optimizer.zero_grad()
# near: another optimizer is cleared in between
critic = nn.Linear(4, 1)
judge = torch.optim.SGD(critic.parameters(), 0.1)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    judge.zero_grad()
    optimizer.step()
    critic(model(x).detach()).mean().backward()
    judge.step()
# near: cleared and computed anew
for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: only on one way
for i, (x, y) in enumerate(loader):
    loss_fn(model(x), y).backward()
    if i == 0:
        optimizer.zero_grad()
    optimizer.step()
    optimizer.zero_grad()
# near: put back by hand
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    kept = [p.grad.clone() for p in model.parameters()]
    optimizer.zero_grad()
    for p, grad in zip(model.parameters(), kept):
        p.grad = grad
    optimizer.step()
# near: added back by hand
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    kept = [p.grad.clone() for p in model.parameters()]
    optimizer.zero_grad(set_to_none=False)
    for p, grad in zip(model.parameters(), kept):
        p.grad += grad
    optimizer.step()
# near: copied back by hand
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    kept = [p.grad.clone() for p in model.parameters()]
    optimizer.zero_grad(set_to_none=False)
    for p, grad in zip(model.parameters(), kept):
        p.grad.copy_(grad)
    optimizer.step()
# fault: divided when nothing is left
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.zero_grad(set_to_none=False)  # <-
    for p in model.parameters():
        p.grad /= 2
    optimizer.step()
