# fault: a loop
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # <-
# fault: a class
class Trainer:
    def __init__(self, net):
        self.net = net
        self.opt = torch.optim.Adam(net.parameters())

    def update(self, x, y):
        self.opt.zero_grad()
        loss = F.cross_entropy(self.net(x), y)
        loss.backward()
        self.opt.step()
        torch.nn.utils.clip_grad_value_(self.net.parameters(), 1.0)  # <-


trainer = Trainer(Net())
for x, y in loader:
    trainer.update(x, y)
# near: in between
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
# near: the gradients of another
critic = nn.Linear(4, 1)
judge = torch.optim.SGD(critic.parameters(), 0.1)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    judge.zero_grad()
    critic(model(x).detach()).mean().backward()
    nn.utils.clip_grad_norm_(critic.parameters(), 1.0)
    judge.step()
# near: accumulation
for i, (x, y) in enumerate(loader):
    (loss_fn(model(x), y) / 4).backward()
    if i % 4 == 3:
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
