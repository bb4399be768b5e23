# fault: eval without no_grad
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
    hits = 0
    for x, y in val_loader:
        hits += (model(x).argmax(1) == y).sum().item()  # <-
# fault: a method
class Trainer:
    def __init__(self, net):
        self.net = net
        self.opt = torch.optim.SGD(net.parameters(), 0.1)

    def fit(self):
        for x, y in loader:
            self.net.train()
            self.opt.zero_grad()
            F.cross_entropy(self.net(x), y).backward()
            self.opt.step()
        self.validate()

    def validate(self):
        self.net.eval()
        losses = []
        for x, y in val_loader:
            output = self.net(x)  # <-
            losses.append(F.cross_entropy(output, y).item())
        return losses


Trainer(Net()).fit()
# fault: several outputs
class Mapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        features = torch.relu(self.body(x))
        return self.head(features), {"features": features}


net = Mapped()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    scores, _ = net(x)
    loss_fn(scores, y).backward()
    optimizer.step()
net.eval()
for x, y in val_loader:
    scores, _ = net(x)  # <-
    print((scores.argmax(1) == y).sum().item())
# fault: in the function that trains
def train(epoch):
    model.train()
    optimizer.zero_grad()
    loss_fn(model(features), labels).backward()
    optimizer.step()
    model.eval()
    output = model(features)  # <-
    print(epoch, loss_fn(output, labels).item())


features, labels = torch.randn(64, 8), torch.randint(4, (64,))
for epoch in range(epochs):
    train(epoch)
# fault: beside a penalty that is not read
import penalties

for x, y in loader:
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(x), y) + penalties.of(model)
    loss.backward()
    optimizer.step()
    model.eval()
    print(loss_fn(model(held_out), answers).item())  # <-
# fault: now and then between two batches
class Trainer:
    def __init__(self, net):
        self.net = net
        self.opt = torch.optim.SGD(net.parameters(), 0.1)

    def fit(self):
        for step, (x, y) in enumerate(loader):
            self.net.train()
            self.opt.zero_grad()
            F.cross_entropy(self.net(x), y).backward()
            self.opt.step()
            if step % 10 == 0:
                self.net.eval()
                print(F.cross_entropy(self.net(held_out), answers).item())  # <-


held_out, answers = torch.randn(64, 8), torch.randint(4, (64,))
Trainer(Net()).fit()
# near: several outputs, none of them with a graph
class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 4)

    @torch.no_grad()
    def forward(self, x):
        return self.head(x), x


net = Frozen()
net.eval()
for x, y in val_loader:
    scores, _ = net(x)
    print((scores.argmax(1) == y).sum().item())
# near: the caller switches recording off
def validate():
    model.eval()
    return sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)


with torch.no_grad():
    validate()
# near: a decorator
@torch.inference_mode()
def validate():
    model.eval()
    return sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)


validate()
# near: saliency
model.eval()
for x, y in val_loader:
    x.requires_grad_(True)
    model(x).max(dim=1).values.sum().backward()
    print(x.grad.abs().mean())
# near: features that a later loss trains
model.eval()
features = []
for x, y in loader:
    features.append(model(x))
torch.stack(features).mean().backward()
# near: what switches recording off was made before
quiet = torch.no_grad() if epochs else torch.enable_grad()
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
model.eval()
with quiet:
    for x, y in val_loader:
        model(x)
# near: between two batches, without recording
for step, (x, y) in enumerate(loader):
    model.train()
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        print(loss_fn(model(x), y).item())
# near: a step that is taken in eval mode
for x, y in loader:
    model.eval()
    before = model(x)
    model.train()
    optimizer.zero_grad()
    (loss_fn(model(x), y) + F.mse_loss(model(x), before)).backward()
    optimizer.step()
# near: an input that is made worse on purpose
for x, y in loader:
    model.eval()
    worse = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss_fn(model(worse), y), worse)
    model.train()
    optimizer.zero_grad()
    loss_fn(model(x + 0.1 * slope.sign()), y).backward()
    optimizer.step()
# near: trained in eval mode on purpose, and an output that is only looked at
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
net.eval()
for x, y in loader:
    print(net(x).std().item())
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# near: what an agent does is kept where it cannot be followed
import unknown

memory = unknown.Memory()
for step in range(100):
    model.eval()
    scores = model(observe())
    memory.keep(scores)
    model.train()
    optimizer.zero_grad()
    memory.loss().backward()
    optimizer.step()
# near: what it gives in eval mode is kept, and comes back into the loss
import unknown

kept = unknown.Memory()
for x, y in loader:
    model.eval()
    kept.keep(model(x))
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(x), y) + F.mse_loss(model(x), kept.last())
    loss.backward()
    optimizer.step()
# near: the loss in eval mode is part of what is trained
import penalties

for x, y in loader:
    model.eval()
    calm = loss_fn(model(x), y)
    model.train()
    optimizer.zero_grad()
    loss = penalties.weighed(loss_fn(model(x), y), calm)
    loss.backward()
    optimizer.step()
