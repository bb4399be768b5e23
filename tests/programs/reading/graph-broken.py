# fault: detached in forward
class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        h = torch.relu(self.body(x)).detach()  # <-
        return self.head(h)


net = Broken()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# fault: the loss of predicted classes
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    guess = net(x).argmax(dim=1)  # <-
    loss = F.mse_loss(guess.float(), y.float())
    loss.requires_grad_(True)
    loss.backward()
    opt.step()
# fault: a new tensor from the old one
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss = loss_fn(net(x), y)
    loss = torch.tensor(loss, requires_grad=True)  # <-
    loss.backward()
    opt.step()
# fault: what is added up in a tensor of zeros was taken out of the graph
class Summed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        nodes = self.body(x).detach()  # <-
        sums = torch.zeros(nodes.shape)
        sums.index_add_(0, torch.arange(len(x)), nodes)
        return self.head(sums)


summed = Summed()
opt = torch.optim.Adam(summed.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(summed(x), y).backward()
    opt.step()
# near: a GAN
real, fake = nn.Linear(4, 1), nn.Linear(8, 4)
opt_d, opt_g = torch.optim.SGD(real.parameters(), 0.1), torch.optim.SGD(fake.parameters(), 0.1)
for x, y in loader:
    made = fake(x)
    opt_d.zero_grad()
    real(made.detach()).mean().backward()
    opt_d.step()
    opt_g.zero_grad()
    real(made).mean().backward()
    opt_g.step()
# near: the target of a teacher
teacher, student = Net(), Net()
opt = torch.optim.SGD(student.parameters(), 0.1)
for x, y in loader:
    with torch.no_grad():
        target = teacher(x)
    opt.zero_grad()
    F.mse_loss(student(x), target).backward()
    opt.step()
# near: straight through
class Rounded(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        h = self.body(x)
        h = h + (h.round() - h).detach()
        return self.head(h)


net = Rounded()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# near: accuracy beside the loss
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    out = net(x)
    loss = loss_fn(out, y)
    loss.backward()
    opt.step()
    hits = (out.argmax(1) == y).float().mean().item()
# near: what is added up in a tensor of zeros keeps its graph
class Summed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        nodes = self.body(x)
        sums = torch.zeros(nodes.shape)
        sums.index_add_(0, torch.arange(len(x)), nodes)
        return self.head(sums)


summed = Summed()
optimizer = torch.optim.Adam(summed.parameters())


def run_phase(phase, batches):
    for x, y in batches:
        loss = loss_fn(summed(x), y)
        if phase == "train":
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


for epoch in range(epochs):
    run_phase(config.first, loader)
    with torch.no_grad():
        run_phase(config.second, val_loader)
# near: what is written row by row into an empty tensor keeps its graph
class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        rows = torch.empty(len(x), 16)
        for i in range(len(x)):
            rows[i] = self.body(x[i])
        return self.head(rows)


rows = Rows()
optimizer = torch.optim.Adam(rows.parameters())


def run_phase(batches, training):
    for x, y in batches:
        loss = loss_fn(rows(x), y)
        if training():
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


for epoch in range(epochs):
    run_phase(loader, lambda: config.train)
    with torch.no_grad():
        run_phase(val_loader, lambda: config.train)
# near: one helper trains and validates, and a function from outside writes into its second argument
import kernels


class Opaque(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        nodes = self.body(x)
        sums = torch.zeros(nodes.shape)
        kernels.add_into(nodes, sums)
        return self.head(sums)


opaque = Opaque()
optimizer = torch.optim.Adam(opaque.parameters())


def run_phase(phase, batches):
    for x, y in batches:
        loss = loss_fn(opaque(x), y)
        if phase == "train":
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


for epoch in range(epochs):
    run_phase(config.first, loader)
    with torch.no_grad():
        run_phase(config.second, val_loader)
