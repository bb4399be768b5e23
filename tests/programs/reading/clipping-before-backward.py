# fault: a loop
for x, y in loader:
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # <-
    loss.backward()
    optimizer.step()
# fault: a class
class Trainer:
    def __init__(self, net):
        self.net = net
        self.opt = torch.optim.Adam(net.parameters())

    def update(self, x, y):
        self.opt.zero_grad()
        loss = F.cross_entropy(self.net(x), y)
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)  # <-
        loss.backward()
        self.opt.step()


trainer = Trainer(Net())
for x, y in loader:
    trainer.update(x, y)
# near: in between
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
# near: in a helper
def finish():
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


for x, y in loader:
    loss_fn(model(x), y).backward()
    finish()
# near: a backward that cannot be read
from somewhere import compute_gradients

for x, y in loader:
    optimizer.zero_grad()
    compute_gradients(model, optimizer, x, y)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
