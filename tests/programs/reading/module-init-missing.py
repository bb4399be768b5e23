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
