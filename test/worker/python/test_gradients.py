"""Gradients of tiny instances of the real models agree with finite differences of their own loss."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from policies import ADAMW, LORA, forward_backward, real_policy, roll_out, samples
from tiny import write_hunyuan_video, write_wan

WRITERS = {"hunyuan-video-1.5": write_hunyuan_video, "wan-2.1": write_wan}
# Nothing is clipped, and every term of the loss is about as large as the others.
TERMS: dict[str, Any] = {"step": 1, "clip_range": 1e6, "beta": 0.5, "anchor_weight": 30.0, "stepwise_weight": 0.5}


@pytest.mark.parametrize("adapter", [LORA, None], ids=["adapter", "in full"])
@pytest.mark.parametrize("name", WRITERS)
def test_the_loss_rises_along_the_gradient_by_its_norm(name: str, adapter: object, tmp_path: Path) -> None:
    folder = WRITERS[name](tmp_path / "model")
    options: dict[str, Any] = {"adapter": adapter, "rows": 2, "activation_checkpointing": True}
    policy = real_policy(name, folder, tmp_path / "prompts", **options)
    roll_out(policy, samples=samples(2, 2), guidance=3.0)
    policy.set_anchor()
    # Away from where it was sampled: of an adapter only one of the two factors has a gradient at the start.
    forward_backward(policy, (0, 1, 2, 3), **TERMS)
    policy._gradient.take([])
    for value in policy.trainable.masters:
        wave = torch.sin(torch.arange(value.numel(), dtype=torch.float32)).reshape(value.shape)
        value.add_(0.02 * wave.to(value.device))
    policy.trainable.publish()

    result = forward_backward(policy, (0, 1, 2, 3), **TERMS)
    gradient = [part.clone() for part in policy._gradient.take([])]
    assert result.gradient_norm is not None and result.gradient_norm > 1e-4
    assert math.sqrt(sum(float(part.square().sum()) for part in gradient)) == pytest.approx(result.gradient_norm, 1e-4)
    start = [value.clone() for value in policy.trainable.masters]

    def loss(distance: float) -> float:
        for value, begin, part in zip(policy.trainable.masters, start, gradient, strict=True):
            value.copy_(begin + distance / result.gradient_norm * part)  # type: ignore[operator]
        policy.trainable.publish()
        found = forward_backward(policy, (0, 1, 2, 3), **TERMS)
        policy._gradient.take([])
        return found.loss

    # As far as single precision resolves the loss, and near enough that its third derivative does not show.
    slopes = [(loss(far) - loss(-far)) / (2 * far) for far in (0.04, 0.02)]
    assert slopes[1] + (slopes[1] - slopes[0]) / 3 == pytest.approx(result.gradient_norm, rel=0.01)


def test_the_optimizer_steps_against_it(tmp_path: Path) -> None:
    policy = real_policy("wan-2.1", write_wan(tmp_path / "model"), tmp_path / "prompts", rows=2)
    roll_out(policy, samples=samples(2, 2))
    terms = {**TERMS, "beta": 0.0}
    before = forward_backward(policy, (0, 1, 2, 3), **terms).loss
    policy.optim_step(ADAMW)
    assert forward_backward(policy, (0, 1, 2, 3), **terms).loss < before
