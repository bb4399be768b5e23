# fault: a typo
for p in model.parameters():
    p.require_grad = False  # <-
# fault: on a module, in a class
class Tuned(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)
        self.body.requires_grad = False  # <-

    def forward(self, x):
        return self.head(self.body(x))


tuned = Tuned()
# near: right
for p in model.parameters():
    p.requires_grad = False
# near: the method
model[0].requires_grad_(False)
# near: an attribute of its own
class Options:
    def __init__(self):
        self.require_grad = True


options = Options()
options.require_grad = False
