# fault: a list of layers
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(8, 8) for _ in range(3)]  # <-
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.head(x)


tower = Tower()
# fault: a dict of the user's own blocks, appended later
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, x):
        return torch.relu(self.inner(x))


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = {"left": Block(), "right": Block()}  # <-

    def forward(self, x):
        return self.blocks["left"](x) + self.blocks["right"](x)


heads = Heads()
# near: the list is also a Sequential
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = [nn.Linear(8, 8), nn.ReLU()]
        self.body = nn.Sequential(*self.steps)

    def forward(self, x):
        return self.body(x)


tower = Tower()
# near: add_module
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = []
        for i in range(3):
            layer = nn.Linear(8, 8)
            self.add_module(f"layer{i}", layer)
            self.steps.append(layer)

    def forward(self, x):
        for layer in self.steps:
            x = layer(x)
        return x


tower = Tower()
# near: layers without parameters
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.activations = [nn.ReLU(), nn.Dropout(0.1)]
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        for activation in self.activations:
            x = activation(x)
        return self.head(x)


tower = Tower()
# near: a frozen teacher that is hidden on purpose
class Student(nn.Module):
    def __init__(self):
        super().__init__()
        teacher = nn.Linear(8, 4)
        teacher.requires_grad_(False)
        self.hidden = [teacher]
        self.own = nn.Linear(8, 4)

    def forward(self, x):
        return self.own(x) - self.hidden[0](x)


student = Student()
# near: given to the optimizer
class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = [nn.Linear(8, 8), nn.Linear(8, 4)]

    def forward(self, x):
        return self.steps[1](self.steps[0](x))


tower = Tower()
opt = torch.optim.SGD([p for layer in tower.steps for p in layer.parameters()], 0.1)
