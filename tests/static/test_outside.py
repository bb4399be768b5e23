"""Calls of what comes from outside: torch, its companions, the standard library."""

import pytest

from osler.model import (
    Const,
    Helper,
    Kind,
    Loader,
    Loss,
    Network,
    Optimizer,
    Parameters,
    Series,
    Table,
    Tensor,
    Turns,
    Unknown,
)
from osler.static.outside import recognizers

IMPORTS = "import accelerate, bitsandbytes, copy, timm, torchvision, transformers, lightning, math\n"


@pytest.mark.parametrize(
    ("call", "role"),
    [
        ("torch.optim.SGD(model.parameters())", Optimizer),
        ("torch.optim.SomethingNew(model.parameters())", Optimizer),
        ("transformers.AdamW(model.parameters())", Optimizer),
        ("bitsandbytes.optim.Adam8bit(model.parameters())", Optimizer),
        ("DataLoader(d)", Loader),
        ("torch.utils.data.DataLoader(d)", Loader),
        ("nn.Linear(1, 1)", Network),
        ("nn.SomethingNew()", Network),
        ("torchvision.models.resnet18()", Network),
        ("timm.create_model('a')", Network),
        ("transformers.AutoModel.from_pretrained('a')", Network),
        ("torch.hub.load('a', 'b')", Network),
        ("nn.CrossEntropyLoss()", Loss),
        ("F.mse_loss(model(x), y)", Tensor),
        ("nn.Parameter(torch.zeros(1))", Tensor),
        ("torch.zeros(3)", Tensor),
    ],
)
def test_what_a_call_makes(trained, call, role) -> None:
    assert type(trained(f"{IMPORTS}x = {call}")["x"]) is role


@pytest.mark.parametrize(
    ("call", "role"),
    [
        ("torch.optim.lr_scheduler.StepLR(optimizer, 1)", "schedule"),
        ("torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)", "schedule"),
        ("transformers.get_linear_schedule_with_warmup(optimizer, 1, 2)", "schedule"),
        ("torch.amp.GradScaler()", "scaler"),
        ("accelerate.Accelerator()", "accelerator"),
        ("lightning.Fabric()", "accelerator"),
        ("lightning.Trainer()", "trainer"),
        ("torch.utils.data.DistributedSampler(d)", "sampler"),
        ("model.state_dict()", "weights"),
    ],
)
def test_helpers(trained, call, role) -> None:
    value = trained(f"{IMPORTS}x = {call}")["x"]
    assert isinstance(value, Helper)
    assert value.role == role


@pytest.mark.parametrize(
    "call",
    [
        "torch.optim.swa_utils.AveragedModel(model)",
        "torch.load('a')",
        "torch.save(model, 'a')",
        "torch.manual_seed(0)",
        "transformers.AutoTokenizer.from_pretrained('a')",
        "torchvision.transforms.ToTensor()",
        "torchvision.datasets.MNIST('a')",
        "torch.cuda.is_available()",
        "torch.device('cpu')",
        "math.sqrt(2)",
        "getattr(what, 'a')",
        "print(model)",
        "open('a')",
        "torch.nn.utils.clip_grad_norm_(model.parameters(), 1)",
    ],
)
def test_what_makes_nothing_of_the_kind(trained, call) -> None:
    value = trained(f"{IMPORTS}x = {call}")["x"]
    assert not isinstance(value, Network | Optimizer | Loader | Loss | Helper)


def test_a_schedule_knows_its_optimizer_wherever_it_stands(trained) -> None:
    read = trained("x = torch.optim.lr_scheduler.StepLR(step_size=1, optimizer=optimizer)")
    assert read["x"].about is read["optimizer"]


def test_what_is_built_is_noted(trained) -> None:
    read = trained("sched = torch.optim.lr_scheduler.StepLR(optimizer, 1)")
    assert [a.subject for a in read.actions if a.kind is Kind.BUILD] == [read["optimizer"], read["sched"]]


@pytest.mark.parametrize(
    "call",
    [
        "nn.DataParallel(model)",
        "nn.parallel.DistributedDataParallel(model, device_ids=[0])",
        "torch.compile(model)",
        "torch.jit.script(model)",
        "nn.SyncBatchNorm.convert_sync_batchnorm(model)",
        "nn.utils.spectral_norm(model)",
    ],
)
def test_a_wrapper_is_what_it_wraps(trained, call) -> None:
    read = trained(f"x = {call}")
    assert read["x"] is read["model"]


COPIED = (
    "import copy\n"
    "net = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1)))\n"
    "teacher = copy.deepcopy(net)\n"
)


def test_a_copy_is_another_module_with_parts_of_its_own(script) -> None:
    read = script(f"{COPIED}teacher.requires_grad_(False)")
    assert [p.kind for p in read["teacher"].parts.values()] == ["Linear", "Sequential"]
    assert not {*read["net"].walk()} & {*read["teacher"].walk()}
    assert read["teacher.1"].frozen
    assert not read["net.1"].frozen


def test_an_optimizer_of_one_does_not_hold_the_other(script) -> None:
    read = script(f"{COPIED}opt = torch.optim.SGD(net.parameters())")
    assert read["opt"].holds(read["net"])
    assert not read["opt"].holds(read["teacher"])


def test_a_copy_has_the_weights_of_another(script) -> None:
    read = script(COPIED)
    assert (read["net"].pretrained, read["teacher"].pretrained) == (False, True)


def test_a_part_that_is_shared_is_shared_in_the_copy(script) -> None:
    read = script("import copy\nfc = nn.Linear(1, 1)\nnet = nn.Sequential(fc, fc)\ntwin = copy.deepcopy(net)")
    assert read["twin.0"] is read["twin.1"] is not read["net.0"]


@pytest.mark.parametrize(
    ("layers", "kinds", "known"),
    [
        ("nn.Linear(1, 1), nn.ReLU()", ["Linear", "ReLU"], True),
        ("*[nn.Linear(1, 1), nn.ReLU()]", ["Linear", "ReLU"], True),
        ("nn.Linear(1, 1), *more", ["Linear"], False),
        ("*[nn.Linear(1, 1) for _ in range(3)]", ["Linear"], False),
    ],
)
def test_containers_are_filled(script, layers, kinds, known) -> None:
    net = script(f"net = nn.Sequential({layers})")["net"]
    assert [p.kind for p in net.parts.values() if isinstance(p, Network)] == kinds
    assert net.known is known


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("torch.nn.utils.clip_grad_norm_(model.parameters(), 1)", ["clip Parameters clip_grad_norm_"]),
        ("nn.utils.clip_grad_value_(model.parameters(), 1)", ["clip Parameters clip_grad_value_"]),
        ("torch.autograd.backward(model(x))", ["forward model", "backward"]),
        ("torch.autograd.backward(model(x), retain_graph=True)", ["forward model", "backward retain_graph"]),
        ("torch.autograd.grad(model(x), x)", ["forward model", "backward gradient-only"]),
        ("torch.nn.utils.get_total_norm(model.parameters())", []),
    ],
)
def test_gradients(trained, call, told) -> None:
    assert trained(call).told == told


@pytest.mark.parametrize(
    ("given", "known"), [("model.parameters()", True), ("params", False), ("[*model.parameters(), w]", False)]
)
def test_whose_gradients_are_clipped(trained, given, known) -> None:
    (clip,) = [a for a in trained(f"nn.utils.clip_grad_norm_({given}, 1)").actions if a.kind is Kind.CLIP]
    assert isinstance(clip.subject, Parameters)
    assert clip.subject.known is known


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("next(iter(loader))", ["batch loader"]),
        ("next(loader_iter)", []),
        ("it = iter(loader)\nnext(it)", []),
    ],
)
def test_a_first_batch_taken_again_and_again(script, call, told) -> None:
    assert script(f"loader = DataLoader(d)\n{call}").told == told


@pytest.mark.parametrize(
    ("call", "kind"),
    [("dict(a=1)", Table), ("argparse.Namespace(a=1)", Table), ("list()", Series), ("set()", Series)],
)
def test_containers_of_the_standard_library(script, call, kind) -> None:
    assert type(script(f"import argparse\nx = {call}")["x"]) is kind


@pytest.mark.parametrize("call", ["float(out)", "int(out)"])
def test_a_number_made_of_a_tensor(trained, call) -> None:
    value = trained(f"out = model(x)\ny = {call}")["y"]
    assert (value.number, [c.operation for c in value.cuts]) == (True, ["item"])


def test_the_sum_of_a_list_of_losses(trained) -> None:
    read = trained("y = sum([model(a), model(b)])")
    assert read["y"].networks == {read["model"]}


def test_a_module_given_by_setattr_is_a_part(trained) -> None:
    read = trained("head = nn.Linear(1, 1)\nsetattr(model, f'head{n}', head)")
    assert read["head"] in list(read["model"].walk())


def test_a_trainer_takes_what_it_is_given(trained) -> None:
    assert trained(f"{IMPORTS}transformers.Trainer(model, args)").told == ["handed model"]


def test_unknown_libraries_make_tensors_of_tensors(trained) -> None:
    read = trained("import einops\ny = einops.rearrange(model(x), 'a b -> b a')\nz = einops.parse('a')")
    assert isinstance(read["y"], Tensor)
    assert read["y"].networks == {read["model"]}
    assert isinstance(read["z"], Unknown)


def test_most_names_are_asked_of_nobody() -> None:
    assert recognizers("os.path.join") == ()
    assert recognizers("numpy.array") == ()
    assert recognizers("torch.optim.SGD") != ()


def test_setattr_gives_nothing_back(trained) -> None:
    assert trained("x = setattr(model, 'a', model)")["x"] == Const(None)


@pytest.mark.parametrize(
    ("call", "end"),
    [("range(7)", Const(7)), ("range(count)", None), ("range(2, 7)", None), ("range(0, 7, 2)", None)],
)
def test_turns_are_known_where_they_are_counted_from_0(script, call: str, end: Const | None) -> None:
    found = script(f"turns = {call}")["turns"]
    assert isinstance(found, Unknown)
    assert (found.end if isinstance(found, Turns) and isinstance(found.end, Const) else None) == end
