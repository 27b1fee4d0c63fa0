import pytest
import torch
from safetensors import safe_open
from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import write_tensors
from tutorial_lib.settings import scale
from tutorial_lib.training.loop import NonFiniteLossError, generator, learning_rate, train


def problem(path=None, steps=10, bad_at=None, **options):
    torch.manual_seed(1)
    network = nn.Linear(4, 1)

    def loss(step):
        x = torch.rand(8, 4, generator=generator(5, step))
        fit = (network(x) - x.sum(1, keepdim=True)).square().mean()
        size = network.weight.square().mean() * (float("nan") if step == bad_at else 1)
        return {"fit": fit, "size": size, "total": fit + 1e-3 * size}

    about = {"network": {"kind": "linear"}, "seed": 5}
    history = train(network, loss, steps, lambda step: 0.1 / (1 + step), "test", about, path, bar=False, **options)
    return network, history


def test_it_learns_and_reports_every_step():
    seen = []
    _, history = problem(steps=60, callback=seen.append)
    assert history[-1]["fit"] < 0.2 * history[0]["fit"]
    assert [(p.step, p.steps) for p in seen] == [(step, 60) for step in range(1, 61)]
    assert seen[0].terms == history[0]


def test_every_step_has_its_own_rate():
    network, weights = nn.Linear(2, 1).eval(), []

    def loss(step):
        assert network.training
        weights.append(network.weight.detach().clone())
        return {"total": network.weight.square().sum()}

    train(network, loss, 6, lambda step: 0.1 if step == 2 else 0.0, "test", {}, bar=False)
    moved = [not torch.equal(a, b) for a, b in zip(weights, [*weights[1:], network.weight], strict=True)]
    assert moved == [False, False, True, False, False, False]
    assert not network.training


@pytest.mark.parametrize("averaging", [0.0, 0.8])
@pytest.mark.parametrize("stopped", [1, 4, 9])
def test_a_stopped_training_ends_at_the_same_weights(tmp_path, stopped, averaging):
    whole, terms = problem(averaging=averaging)

    def stop(progress):
        if progress.step == stopped:
            raise KeyboardInterrupt

    path = tmp_path / "c.safetensors"
    with pytest.raises(KeyboardInterrupt):
        problem(path, save_every=2, callback=stop, averaging=averaging)
    resumed, history = problem(path, save_every=2, averaging=averaging)
    assert torch.equal(resumed.weight, whole.weight)
    finished, again = problem(path, averaging=averaging)
    assert torch.equal(finished.weight, whole.weight)
    assert torch.equal(checkpoint.read(path).weights["weight"], whole.weight)
    assert history == terms == again and list(again[0]) == ["fit", "size", "total"]


def test_a_term_that_not_every_step_has_is_missing_at_the_same_steps_when_a_training_goes_on(tmp_path):
    def sometimes(step):
        parts = {"all": network.weight.square().sum()} | ({"odd": network.weight.sum()} if step % 2 else {})
        return {**parts, "total": sum(parts.values())}

    network, path = nn.Linear(2, 1, bias=False), tmp_path / "c.safetensors"
    for steps in (3, 6):
        history = train(network, sometimes, steps, lambda step: 0.1, "test", {}, path, bar=False)
        assert [list(terms) for terms in history] == steps // 2 * [["all", "total"], ["all", "odd", "total"]] + (
            steps % 2 * [["all", "total"]])


def test_a_checkpoint_of_the_time_before_the_terms_were_kept_goes_on(tmp_path):
    path = tmp_path / "c.safetensors"
    problem(path, steps=4)
    with safe_open(path, "pt") as file:
        older = {key: file.get_tensor(key) for key in file.keys() if not key.startswith("history.")}  # noqa: SIM118
        write_tensors(path, older, file.metadata())
    _, history = problem(path)
    assert len(history) == 6 and checkpoint.read(path).history == {}


def test_averaged_weights_are_the_moving_average_of_the_steps(tmp_path):
    path, average = tmp_path / "c.safetensors", None
    for steps in range(1, 7):
        step_by_step, _ = problem(steps=steps)
        average = 0.8 * average + 0.2 * step_by_step.weight if steps > 1 else step_by_step.weight
    averaged, _ = problem(path, steps=6, averaging=0.8)
    assert torch.allclose(averaged.weight, average, atol=1e-6)
    assert torch.equal(checkpoint.read(path).latest["weight"], step_by_step.weight)


def test_a_training_that_averages_is_not_gone_on_with_without(tmp_path):
    for before, after, said in ((0.8, 0.0, "with averaged"), (0.0, 0.8, "without averaged")):
        path = tmp_path / f"{before}.safetensors"
        problem(path, steps=4, averaging=before)
        with pytest.raises(TutorialError, match=said):
            problem(path, averaging=after)


def test_nan_stops_names_the_term_and_keeps_the_last_good_checkpoint(tmp_path):
    path = tmp_path / "c.safetensors"
    with pytest.raises(NonFiniteLossError, match=r"'size'.*nan at step 7.*last good"):
        problem(path, bad_at=7, save_every=2)
    saved = checkpoint.read(path)
    assert saved.step == 6
    assert all(torch.isfinite(value).all() for value in saved.weights.values())


def test_a_checkpoint_of_another_training_is_not_gone_on_with(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, nn.Linear(4, 1), {"network": {"kind": "linear"}, "seed": 6})
    with pytest.raises(TutorialError, match="another seed"):
        problem(path)


def test_a_checkpoint_of_other_settings_is_not_gone_on_with(tmp_path):
    def run(rate):
        network = nn.Linear(2, 1)
        return train(network, lambda step: {"total": network(torch.ones(2)).sum()}, 2, lambda step: rate, "test",
                     {"scale": {"batch": 2, "rate": rate}}, tmp_path / "c.safetensors", bar=False)

    assert run(0.1) == run(0.1)
    with pytest.raises(TutorialError, match="was trained with another rate;"):
        run(0.2)


def test_two_runs_never_write_one_checkpoint(tmp_path):
    path, done = tmp_path / "c.safetensors", []

    def another(progress):
        if progress.step == 3:
            with pytest.raises(TutorialError, match=r"Another run is writing .*c\.safetensors"):
                problem(path)
            done.append(problem(tmp_path / "another.safetensors"))

    problem(path, callback=another, save_every=2)
    assert done and checkpoint.read(path).step == 10
    assert sorted(p.name for p in tmp_path.iterdir()) == ["another.safetensors", "c.safetensors"]


@pytest.mark.parametrize(("then", "now", "other"), [
    ({"style": "a.png", "picture": "1"}, {"style": "./a.png", "picture": "1"}, None),
    ({"style": "a.png", "picture": "1"}, {"style": "a.png", "picture": "2"}, "style picture"),
    ({"style": "a.png"}, {"style": "a.png", "picture": "2"}, None),             # from before pictures were noted
    ({"style": "a.png"}, {"style": "b.png", "picture": "2"}, "style"),
    ({"style": "mosaic", "picture": None}, {"style": "candy", "picture": None}, "style"),
    ({"style": "mosaic", "picture": None}, {"style": "a.png", "picture": "1"}, "style"),
    ({}, {"style": "mosaic", "picture": None}, "style"),
])
def test_a_style_is_its_picture(tmp_path, then, now, other):
    path = tmp_path / "c.safetensors"
    torch.manual_seed(1)
    network = nn.Linear(4, 1)

    def trained(about, steps):
        return train(network, lambda step: {"total": sum(part.square().sum() for part in network.parameters())}, steps,
                     lambda step: 0.1, "test", about, path, bar=False)

    trained(then, 1)
    before = path.read_bytes()
    if other:
        with pytest.raises(TutorialError, match=f"was trained with another {other};"):
            trained(now, 2)
        assert path.read_bytes() == before
    else:
        assert len(trained(now, 2)) == 2


def test_the_learning_rate_falls_as_in_the_paper_but_has_a_floor():
    paper = scale("paper")
    assert learning_rate(paper, 1e-3, 0, paper.decay_every) == 1e-3
    assert learning_rate(paper, 1e-3, 499, paper.decay_every) == 1e-3
    assert learning_rate(paper, 1e-3, 500, paper.decay_every) == pytest.approx(1e-3 / 1.2)
    assert learning_rate(paper, 1e-3, 19_999, paper.decay_every) == 1e-4


def test_the_nth_sample_depends_on_seed_and_n_alone():
    draw = [torch.rand((), generator=generator(seed, n)).item() for seed, n in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert draw[0] == draw[3]
    assert len(set(draw)) == 3


def test_a_slope_that_is_not_finite_never_reaches_the_weights(tmp_path):
    path = tmp_path / "c.safetensors"
    network = nn.Linear(2, 1)

    def loss(step):
        total = network.weight.square().sum()
        if step == 3:
            total = total + (network.weight * 0).sum().sqrt()        # 0, with a slope of infinity times zero
        return {"total": total}

    with pytest.raises(NonFiniteLossError, match=r"'gradient'.*at step 3"):
        train(network, loss, 6, lambda step: 0.1, "test", {}, path, save_every=1, bar=False)
    saved = checkpoint.read(path)
    assert saved.step == 3
    assert torch.equal(saved.weights["weight"], network.weight)
    assert torch.isfinite(network.weight).all()


def test_fewer_steps_than_there_are_is_said(tmp_path):
    path = tmp_path / "c.safetensors"
    problem(path, steps=5)
    with pytest.raises(TutorialError, match="has 5 steps already, more than the 3"):
        problem(path, steps=3)
