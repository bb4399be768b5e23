# fault: no eval anywhere
def validate():
    hits = 0
    with torch.no_grad():
        for x, y in val_loader:
            hits += (model(x).argmax(1) == y).sum().item()  # <-
    return hits


for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    validate()
# fault: a class whose train() comes before its test()
class Experiment:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.Linear(16, 4))
        self.opt = torch.optim.Adam(self.net.parameters())

    def train(self):
        self.net.train()
        for x, y in loader:
            self.opt.zero_grad()
            F.cross_entropy(self.net(x), y).backward()
            self.opt.step()

    @torch.no_grad()
    def test(self):
        self.net.train()
        return sum(F.cross_entropy(self.net(x), y).item() for x, y in val_loader)  # <-


experiment = Experiment()
for _ in range(epochs):
    experiment.train()
    experiment.test()
# near: the caller switches
def validate(net):
    with torch.no_grad():
        return sum((net(x).argmax(1) == y).sum().item() for x, y in val_loader)


for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
    validate(model)
# near: a teacher's targets inside the training loop
for x, y in loader:
    with torch.no_grad():
        target = model(x)
    optimizer.zero_grad()
    (F.mse_loss(model(x), target) + loss_fn(model(x), y)).backward()
    optimizer.step()
# near: nobody knows who calls it
def validate(net, batches):
    with torch.no_grad():
        return sum((net(x).argmax(1) == y).sum().item() for x, y in batches)
# near: a model without Dropout and BatchNorm
plain = Net()
opt = torch.optim.SGD(plain.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss_fn(plain(x), y).backward()
    opt.step()
with torch.no_grad():
    for x, y in val_loader:
        print(loss_fn(plain(x), y))
# near: a helper of somebody else switches
from somewhere import evaluation_mode

for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
evaluation_mode(model)
with torch.no_grad():
    for x, y in val_loader:
        print(loss_fn(model(x), y))
# near: an object switches the mode while the block runs
class Evaluating:
    def __enter__(self):
        model.eval()

    def __exit__(self, *error):
        model.train()


for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    with Evaluating(), torch.no_grad():
        for x, y in val_loader:
            model(x)
# fault: a loss that is only printed, between two steps
net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 4))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
held_out, labels = torch.randn(32, 8), torch.zeros(32, dtype=torch.long)
for x, y in loader:
    opt.zero_grad()
    F.cross_entropy(net(x), y).backward()
    opt.step()
    print(F.cross_entropy(net(held_out), labels).item())  # <-
# near: a second loss that is added to the first
net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 4))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for x, y in loader:
    opt.zero_grad()
    first = F.cross_entropy(net(x), y)
    second = F.cross_entropy(net(x + 0.1), y)
    print(second.item())
    (first + second).backward()
    opt.step()
# near: losses gathered in a list
net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 4))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for x, y in loader:
    opt.zero_grad()
    losses = [F.cross_entropy(net(x), y) for _ in range(2)]
    sum(losses).backward()
    opt.step()
# near: samples of a generator in train mode
net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 4))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for x, y in loader:
    opt.zero_grad()
    F.cross_entropy(net(x), y).backward()
    opt.step()
    print(net(torch.randn(1, 8)).shape)
# fault: layers of a network from outside
import torchvision


class Cut(nn.Module):
    def __init__(self):
        super().__init__()
        whole = torchvision.models.resnet18(weights=None)
        self.body = nn.Sequential(*list(whole.children())[:-1])
        self.head = nn.Linear(512, 4)

    def forward(self, x):
        return self.head(self.body(x).flatten(1))


net = Cut()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(epochs):
    for x, y in loader:
        opt.zero_grad()
        F.cross_entropy(net(x), y).backward()
        opt.step()
    with torch.no_grad():
        for x, y in val_loader:
            print(F.cross_entropy(net(x), y).item())  # <-
# near: losses that choose what to train on
for x, y in loader:
    with torch.no_grad():
        losses = F.cross_entropy(model(x), y, reduction="none")
    hard = losses.topk(8).indices
    optimizer.zero_grad()
    loss_fn(model(x[hard]), y[hard]).backward()
    optimizer.step()
# fault: phases, and a loader for each in a dict
loaders = {phase: DataLoader(rows(32), batch_size=8, shuffle=True) for phase in ("train", "val")}
for epoch in range(epochs):
    for phase in ["train", "val"]:
        if phase == "train":
            model.train()
        for x, y in loaders[phase]:
            with torch.set_grad_enabled(phase == "train"):
                loss = loss_fn(model(x), y)  # <-
                if phase == "train":
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
# near: phases that switch both
loaders = {phase: DataLoader(rows(32), batch_size=8, shuffle=True) for phase in ("train", "val")}
for epoch in range(epochs):
    for phase in ["train", "val"]:
        if phase == "train":
            model.train()
        else:
            model.eval()
        for x, y in loaders[phase]:
            with torch.set_grad_enabled(phase == "train"):
                loss = loss_fn(model(x), y)
                if phase == "train":
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
