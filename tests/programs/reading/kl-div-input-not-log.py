# fault: probabilities
teacher = Net()
for x, y in loader:
    with torch.no_grad():
        target = F.softmax(teacher(x), dim=1)
    optimizer.zero_grad()
    loss = F.kl_div(F.softmax(model(x), dim=1), target, reduction="batchmean")  # <-
    loss.backward()
    optimizer.step()
# fault: a class that passes scores
class Distiller:
    def __init__(self):
        self.teacher, self.student = Net(), Net()
        self.opt = torch.optim.Adam(self.student.parameters())
        self.kl = nn.KLDivLoss(reduction="batchmean")

    def learn(self, x):
        with torch.no_grad():
            target = self.teacher(x).softmax(dim=1)
        self.opt.zero_grad()
        loss = self.kl(self.student(x), target)  # <-
        loss.backward()
        self.opt.step()


distiller = Distiller()
for x, y in loader:
    distiller.learn(x)
# near: log-probabilities
teacher = Net()
for x, y in loader:
    with torch.no_grad():
        target = F.softmax(teacher(x), dim=1)
    optimizer.zero_grad()
    loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="batchmean")
    loss.backward()
    optimizer.step()
# near: the logarithm of probabilities
teacher = Net()
for x, y in loader:
    with torch.no_grad():
        target = F.softmax(teacher(x), dim=1)
    optimizer.zero_grad()
    loss = F.kl_div((F.softmax(model(x), dim=1) + 1e-8).log(), target, reduction="batchmean")
    loss.backward()
    optimizer.step()
# near: logsigmoid
teacher = Net()
for x, y in loader:
    with torch.no_grad():
        target = F.softmax(teacher(x), dim=1)
    optimizer.zero_grad()
    loss = F.kl_div(F.logsigmoid(model(x)), target, reduction="batchmean")
    loss.backward()
    optimizer.step()
