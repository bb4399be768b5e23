# fault: words and tags are filled up together
def filled_up(samples):
    words, tags = zip(*samples)
    tags = nn.utils.rnn.pad_sequence(list(tags), batch_first=True)
    return nn.utils.rnn.pad_sequence(list(words), batch_first=True), tags


samples = [(torch.randint(1, 20, (n,)), torch.randint(1, 4, (n,))) for n in range(4, 40)]
batches = DataLoader(samples, batch_size=4, collate_fn=filled_up)
tagger = nn.Sequential(nn.Embedding(20, 16), nn.Linear(16, 4))
optimizer = torch.optim.SGD(tagger.parameters(), lr=0.05)
for x, y in batches:
    optimizer.zero_grad()
    loss_fn(tagger(x).view(-1, 4), y.view(-1)).backward()  # <-
    optimizer.step()
# fault: the next words of a recurrent network, in classes
from torch.nn.utils.rnn import pad_sequence


class Writer(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.words = nn.Embedding(words, 16)
        self.memory = nn.GRU(16, 32, batch_first=True)
        self.next = nn.Linear(32, words)

    def forward(self, x):
        seen, _ = self.memory(self.words(x))
        return self.next(seen)


class Training:
    def __init__(self, writer):
        self.writer = writer
        self.optimizer = torch.optim.Adam(writer.parameters())

    def epoch(self, batches):
        for batch, (text, following) in enumerate(DataLoader(texts, 16, collate_fn=collate)):
            self.optimizer.zero_grad()
            scores = self.writer(text)
            loss = F.cross_entropy(scores.transpose(1, 2), following.to("cpu"))  # <-
            loss.backward()
            self.optimizer.step()


def collate(texts):
    text = pad_sequence([t[:-1] for t in texts], batch_first=True, padding_value=0)
    following = pad_sequence([t[1:] for t in texts], batch_first=True, padding_value=0)
    return text, following


texts = [torch.randint(1, 20, (n,)) for n in range(4, 40)]
Training(Writer(20)).epoch(texts)
# near: the padding is ignored
def filled_up(samples):
    words, tags = zip(*samples)
    return nn.utils.rnn.pad_sequence(list(words)), nn.utils.rnn.pad_sequence(list(tags))


samples = [(torch.randint(1, 20, (n,)), torch.randint(1, 4, (n,))) for n in range(4, 40)]
tagger = nn.Sequential(nn.Embedding(20, 16), nn.Linear(16, 4))
optimizer = torch.optim.SGD(tagger.parameters(), lr=0.05)
counted = nn.CrossEntropyLoss(ignore_index=0)
for x, y in DataLoader(samples, batch_size=4, collate_fn=filled_up):
    optimizer.zero_grad()
    counted(tagger(x).view(-1, 4), y.view(-1)).backward()
    optimizer.step()
# near: filled up with what the loss ignores by itself
def filled_up(samples):
    words, tags = zip(*samples)
    tags = nn.utils.rnn.pad_sequence(list(tags), padding_value=-100)
    return nn.utils.rnn.pad_sequence(list(words)), tags


samples = [(torch.randint(1, 20, (n,)), torch.randint(1, 4, (n,))) for n in range(4, 40)]
tagger = nn.Sequential(nn.Embedding(20, 16), nn.Linear(16, 4))
optimizer = torch.optim.SGD(tagger.parameters(), lr=0.05)
for x, y in DataLoader(samples, batch_size=4, collate_fn=filled_up):
    optimizer.zero_grad()
    loss_fn(tagger(x).view(-1, 4), y.view(-1)).backward()
    optimizer.step()
# near: one class for each sequence
def filled_up(samples):
    words, classes = zip(*samples)
    return nn.utils.rnn.pad_sequence(list(words), batch_first=True), torch.tensor(classes)


samples = [(torch.randint(1, 20, (n,)), n % 4) for n in range(4, 40)]
judge = nn.Sequential(nn.EmbeddingBag(20, 16, padding_idx=0), nn.Linear(16, 4))
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for x, y in DataLoader(samples, batch_size=4, collate_fn=filled_up):
    optimizer.zero_grad()
    loss_fn(judge(x), y).backward()
    optimizer.step()
# near: a mask before the mean
def filled_up(samples):
    words, tags = zip(*samples)
    return nn.utils.rnn.pad_sequence(list(words)), nn.utils.rnn.pad_sequence(list(tags))


samples = [(torch.randint(1, 20, (n,)), torch.randint(1, 4, (n,))) for n in range(4, 40)]
tagger = nn.Sequential(nn.Embedding(20, 16), nn.Linear(16, 4))
optimizer = torch.optim.SGD(tagger.parameters(), lr=0.05)
for x, y in DataLoader(samples, batch_size=4, collate_fn=filled_up):
    optimizer.zero_grad()
    each = F.cross_entropy(tagger(x).view(-1, 4), y.view(-1), reduction="none")
    mask = (y.view(-1) > 0).float()
    ((each * mask).sum() / mask.sum()).backward()
    optimizer.step()
# near: packed, so that nothing is left of the padding
def filled_up(samples):
    words, tags = zip(*samples)
    lengths = [len(w) for w in words]
    return nn.utils.rnn.pad_sequence(list(words)), nn.utils.rnn.pad_sequence(list(tags)), lengths


samples = [(torch.randint(1, 20, (n,)), torch.randint(1, 4, (n,))) for n in range(4, 40)]
tagger = nn.Sequential(nn.Embedding(20, 16), nn.Linear(16, 4))
optimizer = torch.optim.SGD(tagger.parameters(), lr=0.05)
for x, y, lengths in DataLoader(samples, batch_size=4, collate_fn=filled_up):
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False).data
    y = nn.utils.rnn.pack_padded_sequence(y, lengths, enforce_sorted=False).data
    optimizer.zero_grad()
    loss_fn(tagger(packed), y).backward()
    optimizer.step()
