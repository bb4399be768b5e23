# fault: the default
teacher = Net()
for x, y in loader:
    with torch.no_grad():
        target = F.softmax(teacher(x), dim=1)
    optimizer.zero_grad()
    loss = F.kl_div(F.log_softmax(model(x), dim=1), target)  # <-
    loss.backward()
    optimizer.step()
# fault: a class
class Distiller:
    def __init__(self):
        self.teacher, self.student = Net(), Net()
        self.opt = torch.optim.Adam(self.student.parameters())
        self.kl = nn.KLDivLoss()

    def learn(self, x):
        with torch.no_grad():
            target = self.teacher(x).softmax(dim=1)
        self.opt.zero_grad()
        loss = self.kl(self.student(x).log_softmax(dim=1), target)  # <-
        loss.backward()
        self.opt.step()


distiller = Distiller()
for x, y in loader:
    distiller.learn(x)
# near: batchmean
teacher = Net()
for x, y in loader:
    with torch.no_grad():
        target = F.softmax(teacher(x), dim=1)
    optimizer.zero_grad()
    loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="batchmean")
    loss.backward()
    optimizer.step()
# near: sum and a division
teacher = Net()
for x, y in loader:
    with torch.no_grad():
        target = F.softmax(teacher(x), dim=1)
    optimizer.zero_grad()
    loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="sum") / x.size(0)
    loss.backward()
    optimizer.step()
# near: an old option
teacher = Net()
for x, y in loader:
    with torch.no_grad():
        target = F.softmax(teacher(x), dim=1)
    optimizer.zero_grad()
    loss = F.kl_div(F.log_softmax(model(x), dim=1), target, size_average=False) / x.size(0)
    loss.backward()
    optimizer.step()
