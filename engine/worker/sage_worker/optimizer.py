"""Accumulation of gradients and AdamW, over this rank's part of the trained parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sage_worker.requests import OptimStepRequest, OptimStepResult
from sage_worker.trainable.base import Trainable


@dataclass
class GradientSum:
    """Sum of the gradients of an update's micro-batches; None before the first."""

    tensors: list[Tensor] | None = None

    def add(self, gradients: list[Tensor], scale: float) -> None:
        """Adds `scale` times the gradients. It may keep their memory: the caller forgets them."""
        if self.tensors is not None:
            for total, gradient in zip(self.tensors, gradients, strict=True):
                total.add_(gradient, alpha=scale)
            return
        if scale != 1:
            for gradient in gradients:
                gradient.mul_(scale)
        self.tensors = gradients

    def take(self, like: Sequence[Tensor]) -> list[Tensor]:
        """The sum; the next update begins with none."""
        taken = self.tensors if self.tensors is not None else [torch.zeros_like(value) for value in like]
        self.tensors = None
        return taken


@dataclass
class AdamWState:
    """Moments and step count of AdamW; moments lie as the trainable's masters do."""

    first: list[Tensor]
    second: list[Tensor]
    step: int = 0

    def restore(self, first: Sequence[Tensor], second: Sequence[Tensor], step: int) -> None:
        """Overwrites the moments."""
        for target, value in zip([*self.first, *self.second], [*first, *second], strict=True):
            target.copy_(value)
        self.step = step


def create_adamw(trainable: Trainable) -> AdamWState:
    """Fresh state."""
    first, second = ([torch.zeros_like(value) for value in trainable.masters] for _ in range(2))
    return AdamWState(first, second)


@torch.no_grad()
def step_adamw(
    state: AdamWState, trainable: Trainable, gradients: Sequence[Tensor], request: OptimStepRequest
) -> OptimStepResult:
    """One AdamW step (Loshchilov & Hutter 2019, decoupled weight decay; the order of operations of torch.optim.AdamW).

    The gradient is clipped by its global norm. One that is not finite leaves everything as it was.
    """
    norm = trainable.norm(gradients)
    if not math.isfinite(norm):
        return OptimStepResult(norm, 0.0, skipped=True)
    state.step += 1
    clip = min(1.0, request.max_gradient_norm / (norm + 1e-6))
    step_size = request.learning_rate / (1 - request.beta1**state.step)
    root2 = math.sqrt(1 - request.beta2**state.step)
    changes = []
    for value, gradient, first, second in zip(trainable.masters, gradients, state.first, state.second, strict=True):
        first.mul_(request.beta1).add_(gradient, alpha=(1 - request.beta1) * clip)
        second.mul_(request.beta2).addcmul_(gradient, gradient, value=(1 - request.beta2) * clip * clip)
        old = value.clone()
        value.mul_(1 - request.learning_rate * request.weight_decay)
        value.addcdiv_(first, second.sqrt().div_(root2).add_(request.epsilon), value=-step_size)

        changes.append(value.sub(old).norm())
    trainable.publish()
    return OptimStepResult(norm, trainable.norm(changes), skipped=False)
