# Node classification on a citation-like graph: message passing written out with index_add.
#
# A planted partition graph of 600 papers in 5 fields; features are noisy word counts. The whole graph is one batch,
# 20 labelled nodes per field are trained on, early stopping looks at the validation nodes.
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(12)

N_FIELDS, PER_FIELD, WORDS = 5, 120, 60
N = N_FIELDS * PER_FIELD


def make_graph(p_in=0.05, p_out=0.004):
    field = torch.arange(N_FIELDS).repeat_interleave(PER_FIELD)
    same = field[:, None] == field[None, :]
    p = torch.where(same, p_in, p_out)
    upper = torch.triu(torch.rand(N, N) < p, diagonal=1)
    src, dst = upper.nonzero(as_tuple=True)
    edges = torch.stack([torch.cat([src, dst, torch.arange(N)]), torch.cat([dst, src, torch.arange(N)])])
    topic = torch.rand(N_FIELDS, WORDS) * 0.06 + 0.05
    for f in range(N_FIELDS):
        topic[f, f * 8 : f * 8 + 8] += 0.12
    x = torch.bernoulli(topic[field])
    return x, field, edges


class GraphConv(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inside, outside))
        self.bias = nn.Parameter(torch.zeros(outside))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, edges, norm):
        src, dst = edges
        messages = (x @ self.weight)[src] * norm[:, None]
        return torch.zeros(len(x), messages.shape[1]).index_add(0, dst, messages) + self.bias


class GCN(nn.Module):
    def __init__(self, hidden=32, dropout=0.5):
        super().__init__()
        self.c1 = GraphConv(WORDS, hidden)
        self.c2 = GraphConv(hidden, N_FIELDS)
        self.p = dropout

    def forward(self, x, edges, norm):
        x = F.dropout(x, self.p, training=self.training)
        x = F.relu(self.c1(x, edges, norm))
        x = F.dropout(x, self.p, training=self.training)
        return F.log_softmax(self.c2(x, edges, norm), dim=1)


x, y, edges = make_graph()
degree = torch.zeros(N).index_add(0, edges[1], torch.ones(edges.shape[1]))
norm = (degree[edges[0]] * degree[edges[1]]).rsqrt()
x = x / x.sum(1, keepdim=True).clamp(min=1)

train_mask = torch.zeros(N, dtype=torch.bool)
val_mask = torch.zeros(N, dtype=torch.bool)
for f in range(N_FIELDS):
    nodes = (y == f).nonzero().squeeze(1)[torch.randperm(PER_FIELD)]
    train_mask[nodes[:20]] = True
    val_mask[nodes[20:45]] = True
test_mask = ~(train_mask | val_mask)

model = GCN()
optimizer = torch.optim.Adam(
    [{"params": model.c1.parameters(), "weight_decay": 5e-4}, {"params": model.c2.parameters(), "weight_decay": 0.0}],
    lr=0.02,
)


def train():
    model.train()
    optimizer.zero_grad()
    out = model(x, edges, norm)
    loss = F.nll_loss(out[train_mask], y[train_mask])
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def test():
    model.eval()
    pred = model(x, edges, norm).argmax(dim=1)
    return [(pred[m] == y[m]).float().mean().item() for m in (train_mask, val_mask, test_mask)]


best_val = test_acc = 0
for epoch in range(1, 151):
    loss = train()
    train_acc, val_acc, tmp = test()
    if val_acc > best_val:
        best_val, test_acc = val_acc, tmp
    if epoch % 30 == 0:
        print(f"Epoch: {epoch:03d}, Loss: {loss:.4f}, Train: {train_acc:.4f}, Val: {val_acc:.4f}, Test: {test_acc:.4f}")
