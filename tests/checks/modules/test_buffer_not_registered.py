import pytest

from osler.checks.modules.buffer_not_registered import check
from osler.model import Severity
from osler.testing import read

CODE = """
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)
        self.table = {made}

    def forward(self, x):
        return {out}


net = Scaled()
{rest}
"""


def severities(made: str, out: str, rest: str) -> list[Severity]:
    return [f.severity for f in read(CODE.format(made=made, out=out, rest=rest), [check]).findings]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("torch.ones(8)", "`self.table` is a tensor, not registered as a buffer: "),
        ("torch.randn(8)", "`self.table` is a tensor, drawn at random and not registered as a buffer: "),
    ],
)
def test_says_what_was_seen(made: str, said: str) -> None:
    (found,) = read(CODE.format(made=made, out="x * self.table", rest="net.cuda()"), [check]).findings
    assert found.message == f"{said}`to()` leaves it behind and `state_dict()` does not hold it."
    assert [(r.place.line, r.label) for r in found.related] == [(41, "the module computes with it here")]
    assert found.place.line == 38


@pytest.mark.parametrize(
    ("made", "rest", "severity"),
    [
        ("torch.ones(8)", "", Severity.HINT),
        ("torch.ones(8)", "torch.save(net.state_dict(), 'net.pt')", Severity.HINT),
        ("torch.rand(8)", "", Severity.HINT),
        ("torch.rand(8)", "torch.save(net.state_dict(), 'net.pt')", Severity.WARNING),
        ("torch.ones(8)", "net.to(device)", Severity.WARNING),
        ("torch.ones(8)", "net = accelerator.prepare(net)", Severity.WARNING),
    ],
)
def test_it_matters_where_modules_are_moved_or_what_was_drawn_is_kept(
    made: str, rest: str, severity: Severity
) -> None:
    assert severities(made, "self.body(x) * self.table", rest) == [severity]


@pytest.mark.parametrize(
    "out",
    [
        "x * self.table",
        "self.body(x) - self.table.view(1, -1)",
        "(2 * self.table + 1) * x",
        "torch.cat([x, self.table[None]], dim=1)",
        "F.linear(x, self.table.unsqueeze(0))",
        "torch.where(self.table > 0, x, 0)",
        "x.matmul(self.table)",
        "self.table.mul(x)",
        "torch.relu(x > self.table)",
        "x * self.table[x]",
    ],
)
def test_what_meets_the_inputs(out: str) -> None:
    assert severities("torch.ones(8)", out, "net.cuda()") == [Severity.WARNING]


@pytest.mark.parametrize(
    "out",
    [
        "x",
        "self.body(x) + self.table.sum()",
        "x + self.table[0]",
        "x[self.table]",
        "x[:, self.table.long()]",
        "x * self.table.to(x.device)",
        "x * (self.table * 2).to(x)",
        "x + x.new_tensor(self.table)",
        "x.cpu() * self.table",
        "torch.as_tensor(self.table, device=x.device) * x",
        "x.view(self.table.shape)",
        "move(self.table) * x",
        "self.body(self.table)",
        "x * len(self.table)",
    ],
)
def test_what_does_not_or_is_moved(out: str) -> None:
    assert severities("torch.ones(8)", out, "net.cuda()") == []


@pytest.mark.parametrize(
    "made",
    [
        "nn.Parameter(torch.ones(8))",
        "nn.Buffer(torch.ones(8))",
        "torch.ones(8).cuda()",
        "torch.ones(8, device=device)",
        "torch.randn(8, requires_grad=True)",
        "torch.tensor(3.0)",
        "torch.tensor(width)",
        "torch.zeros(())",
        "torch.distributions.Normal(0, 1)",
        "torch.device('cuda')",
        "torch.ones(8).mean()",
        "torch.ones(8)[0]",
        "torch.ones(8).tolist()",
        "np.ones(8)",
        "load()",
        "8",
    ],
)
def test_what_is_no_such_tensor(made: str) -> None:
    assert severities(made, "x * self.table", "net.cuda()") == []


@pytest.mark.parametrize(
    "rest",
    [
        "net.table = net.table.cuda()",
        "torch.set_default_device('cuda')",
    ],
)
def test_somebody_else_takes_care(rest: str) -> None:
    assert severities("torch.ones(8)", "x * self.table", f"net.cuda()\n{rest}") == []


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
