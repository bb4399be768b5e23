# fault: a class
class Module(nn.Module):
    def __init__(self):  # <-
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        return x


module = Module()
# fault: a class with arguments
class Wide(nn.Module):
    def __init__(self, width):  # <-
        self.width = width
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(2))

    def forward(self, x):
        return self.layers[0](x)


wide = Wide(8)
# near: super
class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        return x


module = Module()
# near: the old way
class Module(nn.Module):
    def __init__(self):
        nn.Module.__init__(self)
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        return x


module = Module()
# near: the long way
class Module(nn.Module):
    def __init__(self):
        super(Module, self).__init__()
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        return x


module = Module()
# near: no init of its own
class Plain(nn.Module):
    def forward(self, x):
        return x


plain = Plain()
# near: in a method that it calls
class Base(nn.Module):
    def __init__(self):
        self.setup()
        self.body = nn.Linear(8, 4)

    def setup(self):
        super().__init__()

    def forward(self, x):
        return self.body(x)


net = Base()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
# near: in a function that it calls
def start(module):
    nn.Module.__init__(module)


class Base(nn.Module):
    def __init__(self):
        start(self)
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return self.body(x)


net = Base()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
# near: before it is called
class Base(nn.Module):
    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls)
        nn.Module.__init__(made)
        return made

    def __init__(self):
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return self.body(x)


net = Base()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
# fault: a method that starts nothing
class Module(nn.Module):
    def __init__(self):  # <-
        self.build()

    def build(self):
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        return self.body(x)


module = Module()
