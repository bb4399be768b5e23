"""Methods of schedulers, gradient scalers and of frameworks that leave the loop to the user."""

import pytest

from osler.model import Kind, Parameters, Series, Tensor

SETUP = """\
import accelerate, lightning, transformers
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
scaler = torch.amp.GradScaler()
accelerator = accelerate.Accelerator()
loss = model(x)
"""


def told(trained, text: str) -> list[str]:
    """What is told behind the setup."""
    return trained(f"{SETUP}{text}").told[1:]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("scheduler.step()", ["schedule scheduler"]),
        ("scheduler.step(val_loss)", ["schedule scheduler argument"]),
        ("scheduler.step(epoch=3)", ["schedule scheduler argument"]),
        ("if what: scheduler.step()", ["schedule scheduler guarded"]),
        ("scheduler.get_last_lr()", []),
        ("scheduler.load_state_dict(s)", []),
    ],
)
def test_schedules(trained, text, wanted) -> None:
    assert told(trained, text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("scaler.step(optimizer)", ["step optimizer scaler"]),
        ("scaler.step(optimizer=optimizer)", ["step optimizer scaler"]),
        ("scaler.step(what)", ["step scaler"]),
        ("scaler.unscale_(optimizer)", ["unscale optimizer"]),
        ("scaler.scale(loss).backward()", ["backward"]),
        ("scaler.update()", []),
        ("scaler.state_dict()", []),
    ],
)
def test_scalers(trained, text, wanted) -> None:
    assert told(trained, text) == wanted


def test_a_scaled_loss_is_still_that_loss(trained) -> None:
    read = trained(f"{SETUP}scaled, other = scaler.scale(loss), scaler.scale()")
    assert read["scaled"] is read["loss"]
    assert isinstance(read["other"], Tensor)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("accelerator.backward(loss)", ["backward"]),
        ("accelerator.backward(loss=loss)", ["backward"]),
        ("accelerator.backward(loss, retain_graph=True)", ["backward retain_graph"]),
        ("accelerator.clip_grad_norm_(model.parameters(), 1)", ["clip Parameters clip_grad_norm_"]),
        ("with accelerator.accumulate(model): pass", []),
        ("with accelerator.autocast(): pass", []),
        ("accelerator.print(model)", []),
        ("accelerator.wait_for_everyone()", []),
        ("accelerator.register(optimizer)", ["handed optimizer"]),
        ("accelerator.save_state('a')", []),
    ],
)
def test_accelerators(trained, text, wanted) -> None:
    assert told(trained, text) == wanted


def test_a_backward_of_an_accelerator_starts_from_its_loss(trained) -> None:
    read = trained(f"{SETUP}accelerator.backward(loss / 2)")
    (backward,) = [a for a in read.actions if a.kind is Kind.BACKWARD]
    assert backward.value.networks == {read["model"]}


def test_what_is_prepared_is_what_it_was(trained) -> None:
    read = trained(f"{SETUP}m, o = accelerator.prepare(model, optimizer)\nn = accelerator.prepare(model)")
    assert (read["m"], read["o"], read["n"]) == (read["model"], read["optimizer"], read["model"])
    assert not read["model"].handed


@pytest.mark.parametrize("method", ["setup", "setup_module", "unwrap_model", "prepare_model"])
def test_other_words_for_it(trained, method) -> None:
    read = trained(f"{SETUP}m = accelerator.{method}(model)")
    assert read["m"] is read["model"]


def test_several_of_them_come_back_as_a_tuple(trained) -> None:
    read = trained(f"{SETUP}both = accelerator.prepare(model, optimizer)")
    assert isinstance(read["both"], Series)
    assert (read["both"].kind, read["both"].items) == ("tuple", [read["model"], read["optimizer"]])


def test_what_is_gathered_keeps_its_graph(trained) -> None:
    read = trained(f"{SETUP}y = accelerator.gather(loss)")
    assert read["y"].networks == {read["model"]}


@pytest.mark.parametrize(("given", "known"), [("model.parameters()", True), ("params", False)])
def test_whose_gradients_an_accelerator_clips(trained, given, known) -> None:
    read = trained(f"{SETUP}accelerator.clip_grad_norm_({given}, 1)")
    clip = read.actions[-1].subject
    assert isinstance(clip, Parameters)
    assert clip.known is known


def test_a_trainer_may_do_anything_with_what_it_is_given(trained) -> None:
    assert told(trained, "t = lightning.Trainer()\nt.fit(model)") == ["handed model"]


def test_a_sampler_does_nothing_here(trained) -> None:
    assert told(trained, "s = torch.utils.data.DistributedSampler(d)\ns.set_epoch(model)") == []
