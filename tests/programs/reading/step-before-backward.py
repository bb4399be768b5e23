# fault: step, then backward
for x, y in loader:
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    optimizer.step()  # <-
    loss.backward()
# fault: in the methods of a class
class Learner:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.SGD(self.net.parameters(), 0.1)

    def run(self):
        for x, y in loader:
            self.opt.zero_grad()
            self.learn(F.cross_entropy(self.net(x), y))

    def learn(self, loss):
        self.opt.step()  # <-
        loss.backward()


Learner().run()
# near: the usual order
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: a step at the start of the turn for the backward of the turn before
for x, y in loader:
    optimizer.step()
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
# near: a closure computes the gradients
lbfgs = torch.optim.LBFGS(model.parameters())


def closure():
    lbfgs.zero_grad()
    loss = sum(loss_fn(model(x), y) for x, y in loader)
    loss.backward()
    return loss


for _ in range(epochs):
    lbfgs.step(closure)
# near: another optimizer steps first
critic = nn.Linear(4, 1)
judge = torch.optim.SGD(critic.parameters(), 0.1)
for x, y in loader:
    judge.zero_grad()
    critic(model(x).detach()).mean().backward()
    judge.step()
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# fault: a function that somebody else calls
def advance(net, optimizer, x, y):
    loss = F.cross_entropy(net(x), y)
    optimizer.zero_grad()
    optimizer.step()  # <-
    loss.backward()
    return loss.item()
# near: a function that uses what the call before has computed
def delayed(net, optimizer, x, y):
    loss = F.cross_entropy(net(x), y)
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
    return loss.item()
# near: a function that goes backward before and behind the step
def twice(net, optimizer, x, y):
    loss = F.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
    (2 * F.cross_entropy(net(x), y)).backward()
