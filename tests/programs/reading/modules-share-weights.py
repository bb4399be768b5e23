# fault: a list
layers = nn.ModuleList([nn.Linear(8, 8)] * 4)  # <-
# fault: a class of its own
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        return self.body(x)


stack = nn.Sequential(*([Block()] * 3))  # <-
# near: built anew
layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(4)])
# near: numbers
widths = [8] * 4
# near: layers without weights
layers = nn.Sequential(*([nn.ReLU()] * 3))
