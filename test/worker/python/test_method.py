"""The worker's mathematics is method.md's, in the engine's numbers and in plain float64."""

import copy
import json
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from policies import (
    ADAMW,
    KERNELS,
    METHOD,
    TinyVideo,
    forward_backward,
    kernel_steps,
    policy_options,
    roll_out,
    samples,
)
from sage_worker.loss import StepInputs, step_loss
from sage_worker.noise import normals
from sage_worker.policy import KernelStep, TorchPolicy
from sage_worker.rollout import step_log_probability

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "kernels.json").read_text())["cases"]


def reference_row(kernel: str, sigmas: list[float], k: int, eta: float) -> tuple[float, float, float]:
    """(a, b, s) of step k as the table of method.md writes them."""
    sigma, after = sigmas[k], sigmas[k + 1]
    delta = sigma - after
    if kernel == "ode":
        return 1.0, -delta, 0.0
    if kernel == "cps":
        kept = after * math.cos(eta * math.pi / 2)
        b = -sigma * (1 - after) + (1 - sigma) * kept
        return 1 - after + kept, b, after * math.sin(eta * math.pi / 2)
    if kernel == "sage":
        variance = eta**2 * (-delta + math.log((1 - after) / (1 - min(sigma, 0.997))))
    elif kernel == "flow_grpo":
        variance = eta**2 * sigma / (1 - (sigmas[1] if sigma == 1 else sigma)) * delta
    else:
        variance = eta**2 * delta
    return 1 - variance / (2 * sigma), -delta - variance * (1 - sigma) / (2 * sigma), math.sqrt(variance)


def reference_log_probability(kernel: str, residual: np.ndarray, s: float) -> np.ndarray:
    """Mean over the latent's elements; residual [N, D]."""
    if kernel == "cps":
        return -(residual**2).mean(axis=1)
    return (-(residual**2) / (2 * s * s)).mean(axis=1) - math.log(s) - 0.5 * math.log(2 * math.pi)


def numpy_velocity(network: nn.Module, x: np.ndarray, sigma: float, words: np.ndarray, guidance: float) -> np.ndarray:
    """The tiny model's velocity in float64; x [N, 6], words [N]."""
    w1, b1, w2, b2 = (value.detach().double().numpy() for value in network.parameters())

    def branch(condition: np.ndarray) -> np.ndarray:
        rows = np.concatenate([x, np.full((len(x), 1), sigma), condition[:, None]], axis=1)
        return np.tanh(rows @ w1.T + b1) @ w2.T + b2

    if guidance == 1:
        return branch(words)
    return branch(0 * words) + guidance * (branch(words) - branch(0 * words))


@pytest.mark.parametrize("guidance", [1.0, 3.5])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_rollout_follows_the_kernel_of_method_md(kernel: str, guidance: float) -> None:
    policy = TorchPolicy(TinyVideo(), policy_options(rows=3))
    drawn, trained = samples(2, 4), () if kernel == "ode" else (0, 2, 3)
    result, videos = roll_out(policy, steps=kernel_steps(kernel), trained_steps=trained, guidance=guidance)
    levels = [1 - k / 6 for k in range(7)]
    sigmas = [3 * u / (1 + 2 * u) for u in levels]
    words = np.array([len(sample.prompt) / 24 for sample in drawn])
    noise = lambda draw: np.stack([normals(sample.key, draw, 6) for sample in drawn]).astype(np.float64)  # noqa: E731
    x = noise(0)
    log_probs = []
    for k in range(6):
        a, b, s = reference_row("ode" if k == 5 else kernel, sigmas, k, 0.6)
        mean = a * x + b * numpy_velocity(policy.model.network, x, sigmas[k], words, guidance)
        x = mean + s * noise(1 + k)
        if k in trained:
            log_probs.append(reference_log_probability(kernel, x - mean, s))
    pixels = np.stack([videos[i].numpy().reshape(6) for i in range(8)])
    np.testing.assert_allclose(pixels, x.clip(0, 1), atol=2e-6)
    assert np.ptp(pixels) > 0.5
    assert [len(row) for row in result.log_probs] == [len(trained)] * 8
    for k, expected in enumerate(log_probs):
        np.testing.assert_allclose([row[k] for row in result.log_probs], expected, atol=3e-6)


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['kernel']} {case['steps']}")
def test_log_probabilities_are_those_of_the_shared_vectors(case: dict[str, Any]) -> None:
    table = next(one for one in METHOD["tables"] if (one["kernel"], one["steps"]) == (case["kernel"], case["steps"]))
    seen = 0
    for row, numbers in zip(case["rows"], table["table"], strict=True):
        names = ("a", "b", "s", "sigma", "logprob_scale", "logprob_offset")
        step = KernelStep(**{name: numbers[name] for name in names})
        x, v, following = (torch.tensor([row[name]], dtype=torch.float64) for name in ("x", "v", "next"))
        assert step.a * x + step.b * v == pytest.approx(np.array([row["mean"]]), rel=1e-12)
        if step.logprob_scale is None:
            continue
        seen += 1
        assert float(step_log_probability(v, x, following, step)) == pytest.approx(row["logprob"], abs=2e-6)
        assert abs(step.b) / step.s == pytest.approx(row["output_gradient_norm"], rel=1e-9)
    # The last step of cps draws no noise.
    assert seen == {"ode": 0, "cps": 19}.get(case["kernel"], len(case["rows"]))


def inputs(velocity: torch.Tensor, **given: object) -> StepInputs:
    """Loss inputs for one row per velocity, zero where nothing is given."""
    rows = len(velocity)
    zeros = dict.fromkeys(("equalizer", "clip", "beta", "anchor_weight", "stepwise_weight", "stepwise_k3"), 0.0)
    columns = ("a", "b", "logprob_scale", "logprob_offset", "logprob_old", "advantage", "weight", "kl_scale")
    values = {name: torch.zeros(rows, dtype=torch.float64) for name in columns}
    values |= {name: torch.tensor(value, dtype=torch.float64) for name, value in zeros.items()}
    latents = ("x", "x_next", "velocity_anchor", "velocity_reference")
    values |= {name: torch.zeros_like(velocity) for name in latents}
    values |= {name: torch.as_tensor(value, dtype=torch.float64) for name, value in given.items()}
    return StepInputs(**values)


def test_surrogate_and_stepwise_divergence_are_those_of_the_engine() -> None:
    terms = METHOD["terms"]
    of = lambda name: torch.tensor([term[name] for term in terms], dtype=torch.float64)  # noqa: E731
    velocity = torch.zeros(len(terms), 4, dtype=torch.float64)
    common = {"logprob_old": of("old"), "logprob_offset": of("old") + of("change"), "advantage": of("advantage")}
    for k3 in (0.0, 1.0):
        out = step_loss(velocity, inputs(velocity, clip=terms[0]["clip"], stepwise_k3=k3, **common))
        torch.testing.assert_close(out.policy_loss, of("loss"), rtol=1e-12, atol=0)
        assert out.clipped.bool().tolist() == [term["clipped"] for term in terms]
        torch.testing.assert_close(out.kl_step, of("k3" if k3 else "k1"), rtol=1e-6, atol=1e-16)
    assert {term["clipped"] for term in terms} == {True, False}


def test_the_equalizer_evens_the_gradients_of_the_policy_loss_at_the_networks_output() -> None:
    table = next(one for one in METHOD["tables"] if (one["kernel"], one["steps"]) == ("sage", 20))
    norms = []
    for row in table["table"]:
        # As reference_loss has it, which gradients are held against.
        assert row["kl_scale"] == pytest.approx(1 / (2 * (row["s"] ** 2 + 1e-6)), rel=1e-12)
        velocity = torch.zeros(1, 500, dtype=torch.float64, requires_grad=True)
        noise = torch.linspace(-1.7, 1.7, 500, dtype=torch.float64)[None]
        given = {name: [row[name]] for name in ("a", "b", "logprob_scale", "logprob_offset", "kl_scale")}
        log_prob = row["logprob_offset"] - row["logprob_scale"] * float((row["s"] * noise).square().mean())
        loss = step_loss(
            velocity,
            inputs(velocity, **given, x_next=row["s"] * noise, logprob_old=[log_prob], advantage=[1.0], weight=[1.0],
                   equalizer=row["equalizer"], clip=1e-4),
        ).loss  # fmt: skip
        loss.backward()
        assert velocity.grad is not None
        norms.append(float(velocity.grad.norm()))
    assert max(norms) / min(norms) == pytest.approx(1, rel=1e-6)


def reference_loss(
    network: nn.Module,
    policy: TorchPolicy,
    request: dict[str, Any],
    old: np.ndarray,
    guidance: float,
    anchor: nn.Module,
    step: KernelStep,
) -> float:
    """Mean loss of a micro-batch in float64, as method.md writes it."""
    kept = policy._trajectories["rollout"]
    rows = list(request["samples"])
    x, after = (kept.latents[request["step"] + i][rows].flatten(1).double().numpy() for i in (0, 1))
    words = np.array([float(kept.conditions[i]) for i in rows])
    mean = lambda net: step.a * x + step.b * numpy_velocity(net, x, step.sigma, words, guidance)  # noqa: E731
    mu, mu_anchor = mean(network), mean(anchor)
    change = reference_log_probability("sage", after - mu, step.s) - old
    ratio, advantage = np.exp(change), np.array(request["advantages"])
    clip = request["clip_range"]
    policy_loss = np.maximum(-advantage * ratio, -advantage * np.clip(ratio, 1 - clip, 1 + clip)) * request["equalizer"]
    kl_anchor = ((mu - mu_anchor) ** 2).mean(axis=1) / (2 * (step.s**2 + 1e-6))
    kl_step = ratio - 1 - change if request["stepwise_estimator"] == "k3" else -change
    trust = request["anchor_weight"] * kl_anchor + request["stepwise_weight"] * kl_step
    return float((policy_loss + request["beta"] * trust).mean())


@pytest.mark.parametrize(("guidance", "estimator"), [(1.0, "k1"), (3.5, "k3")])
def test_gradients_agree_with_finite_differences_in_float64(guidance: float, estimator: Literal["k1", "k3"]) -> None:
    policy = TorchPolicy(TinyVideo(), policy_options(rows=3))
    roll_out(policy, guidance=guidance)
    anchor = copy.deepcopy(policy.model.network)
    policy.set_anchor()
    # Away from where it was sampled, so that ratios, clipping and both divergences take part.
    with torch.no_grad():
        for value in policy.model.network.parameters():
            value.add_(0.05 * torch.sin(torch.arange(value.numel(), dtype=torch.float32)).reshape(value.shape))
    policy.trainable.publish()
    request: dict[str, Any] = {
        "samples": (0, 5, 2, 7, 6), "step": 1, "advantages": (1.2, -0.8, 0.5, -1.5, 0.9), "equalizer": 1.6,
        "clip_range": 0.004, "beta": 0.7, "anchor_weight": 0.9, "stepwise_weight": 0.4, "stepwise_estimator": estimator,
    }  # fmt: skip
    result = forward_backward(policy, (), **request)
    assert 0 < result.clip_fraction < 1
    gradient = torch.cat([part.flatten() for part in policy._gradient.take([])]).double().numpy()

    step = kernel_steps("sage")[1]
    old = policy._trajectories["rollout"].log_probs[1][list(request["samples"])].double().numpy()
    network = copy.deepcopy(policy.model.network).double()
    loss = lambda: reference_loss(network, policy, request, old, guidance, anchor, step)  # noqa: E731
    assert result.loss == pytest.approx(loss(), rel=2e-5)
    differences = []
    for value in network.parameters():
        flat = value.data.view(-1)
        for i in range(len(flat)):
            middle = float(flat[i])
            flat[i] = middle + 1e-5
            above = loss()
            flat[i] = middle - 1e-5
            differences.append((above - loss()) / 2e-5)
            flat[i] = middle
    expected = np.array(differences)
    np.testing.assert_allclose(gradient, expected, atol=2e-5 * np.abs(expected).max())
    assert result.gradient_norm == pytest.approx(np.linalg.norm(expected), rel=1e-5)
    assert result.gradient_norm_raw == pytest.approx(np.linalg.norm(expected) / 1.6, rel=1e-5)


def test_an_update_is_torchs_own_adamw_on_the_mean_of_the_micro_batches() -> None:
    policy, other = (TorchPolicy(TinyVideo(), policy_options(rows=2)) for _ in range(2))
    network = copy.deepcopy(policy.model.network)
    adamw = torch.optim.AdamW(
        network.parameters(), lr=ADAMW.learning_rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01
    )
    for one in (policy, other):
        roll_out(one)
    for _ in range(3):
        for one in (policy, other):
            forward_backward(one, (0, 1), gradient_scale=0.5)
            forward_backward(one, (4, 6), gradient_scale=0.5, step=3)
        for value, gradient in zip(network.parameters(), other._gradient.take([]), strict=True):
            value.grad = gradient
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), ADAMW.max_gradient_norm)
        before = torch.cat([value.detach().flatten().clone() for value in network.parameters()])
        adamw.step()
        after = torch.cat([value.detach().flatten() for value in network.parameters()])
        result = policy.optim_step(ADAMW)
        assert result.gradient_norm == pytest.approx(float(norm), rel=1e-5)
        assert result.update_norm == pytest.approx(float((after - before).norm()), rel=1e-3)
        for mine, expected in zip(policy.model.network.parameters(), network.parameters(), strict=True):
            torch.testing.assert_close(mine, expected, rtol=0, atol=2e-7)
        for value, theirs in zip(other.model.network.parameters(), network.parameters(), strict=True):
            value.data.copy_(theirs)
        other.trainable.publish()


def test_a_gradient_that_is_not_finite_leaves_everything_as_it_was() -> None:
    policy = TorchPolicy(TinyVideo(), policy_options())
    roll_out(policy)
    before = [value.clone() for value in policy.trainable.masters]
    forward_backward(policy, advantages=(1.0, float("inf"), 0.0, 0.0))
    result = policy.optim_step(ADAMW)
    assert result.skipped and result.update_norm == 0
    assert all(torch.equal(a, b) for a, b in zip(before, policy.trainable.masters, strict=True))
    forward_backward(policy)
    assert not policy.optim_step(ADAMW).skipped
