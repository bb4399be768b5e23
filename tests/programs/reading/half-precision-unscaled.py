# fault: the default of CUDA
for x, y in loader:
    optimizer.zero_grad()
    with torch.cuda.amp.autocast():
        loss = loss_fn(model(x), y)
    loss.backward()  # <-
    optimizer.step()
# fault: a class
class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = torch.optim.AdamW(net.parameters())
        self.criterion = nn.CrossEntropyLoss()

    def loss(self, x, y):
        with torch.autocast(device_type="cuda", dtype=torch.float16):
            return self.criterion(self.net(x), y)

    def fit(self):
        for x, y in loader:
            self.optimizer.zero_grad()
            loss = self.loss(x, y)
            loss.backward()  # <-
            self.optimizer.step()


Trainer(model).fit()
# near: scaled
scaler = torch.amp.GradScaler("cuda")
for x, y in loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.float16):
        loss = loss_fn(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
# near: bfloat16
for x, y in loader:
    optimizer.zero_grad()
    with torch.autocast("cuda", dtype=torch.bfloat16):
        loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
# near: on the processor it is bfloat16 by itself
for x, y in loader:
    optimizer.zero_grad()
    with torch.autocast("cpu"):
        loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
# near: switched off
for x, y in loader:
    optimizer.zero_grad()
    with torch.cuda.amp.autocast(enabled=False):
        loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
# near: as the settings say
import sys

use_half = len(sys.argv) > 1
for x, y in loader:
    optimizer.zero_grad()
    with torch.cuda.amp.autocast(enabled=use_half):
        loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
# near: scaled by hand
for x, y in loader:
    optimizer.zero_grad()
    with torch.cuda.amp.autocast():
        loss = loss_fn(model(x), y)
    (loss * 1024.0).backward()
    for p in model.parameters():
        p.grad /= 1024.0
    optimizer.step()
# near: in the evaluation only
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad(), torch.cuda.amp.autocast():
        for x, y in val_loader:
            print(loss_fn(model(x), y).item())
# near: a teacher in float16, the student not
teacher = Net().eval()
for x, y in loader:
    optimizer.zero_grad()
    with torch.no_grad(), torch.autocast("cuda", dtype=torch.float16):
        wanted = teacher(x).softmax(1)
    loss = loss_fn(model(x), wanted)
    loss.backward()
    optimizer.step()
# near: a scaler that a settings file asks for
from mine import make_scaler

scaler = make_scaler()
for x, y in loader:
    optimizer.zero_grad()
    with torch.cuda.amp.autocast():
        loss = loss_fn(model(x), y)
    if scaler is None:
        loss.backward()
        optimizer.step()
    else:
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
