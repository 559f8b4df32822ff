"""The weights of the dual trust region behind one interface: current, anchor and pre-trained reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from sage_worker.models.base import VideoModel

Prepare = Callable[[VideoModel], None]
"""What is done to a model once it has its adapters and before it is sharded."""
WeightSet = Literal["current", "anchor", "reference"]


@dataclass(frozen=True)
class Adapter:
    """Rank of the matrices of a LoRA adapter; its output is multiplied by alpha / rank."""

    rank: int
    alpha: float


@dataclass
class Versions:
    """Which sets of weights are equal: equal numbers, equal weights. The pre-trained ones are 0."""

    current: int = 0
    anchor: int = 0
    has_anchor: bool = False
    """While false the anchor is the pre-trained model."""
    newest: int = 0

    def of(self, weights: WeightSet) -> int:
        """Number of a set."""
        return {"current": self.current, "anchor": self.anchor, "reference": 0}[weights]

    def change(self) -> None:
        """The current weights become other ones."""
        self.newest += 1
        self.current = self.newest

    def set_anchor(self) -> None:
        """The anchor becomes a copy of the current weights."""
        self.anchor = self.current
        self.has_anchor = True

    def restore(self, has_anchor: bool, anchor_is_current: bool) -> None:
        """After all weights were read from a checkpoint."""
        self.change()
        self.has_anchor = has_anchor
        if has_anchor:
            self.newest += 1
            self.anchor = self.current if anchor_is_current else self.newest
        else:
            self.anchor = 0


class Trainable(Protocol):
    """What the optimizer moves. Tensors are this rank's part: whole for adapters, a shard for full fine-tuning."""

    names: list[str]
    """Of the trained parameters, in the order of every list below."""
    versions: Versions

    @property
    def masters(self) -> list[Tensor]:
        """The trained parameters in float32. The optimizer changes them in place and calls `publish`."""
        ...

    def publish(self) -> None:
        """From here on forward passes use the masters' values."""
        ...

    def take_gradients(self) -> list[Tensor]:
        """Gradients in float32 of the backward passes since the last call, which are forgotten."""
        ...

    def average(self, gradients: Sequence[Tensor]) -> None:
        """Mean over the ranks, in place, where the backward pass has not taken it already."""
        ...

    def norm(self, tensors: Sequence[Tensor]) -> float:
        """Norm over all elements of tensors laid out as `masters`, on all ranks."""
        ...

    def using(self, weights: WeightSet) -> AbstractContextManager[None]:
        """Within the context velocities come from this set of weights; no gradient may be pending."""
        ...

    def set_anchor(self) -> None:
        """Copies the current weights into the anchor."""
        ...

    def anchor_values(self) -> list[Tensor]:
        """This rank's part of the anchor in float32, laid out as the masters."""
        ...

    def restore(self, current: Sequence[Tensor], anchor: Sequence[Tensor] | None) -> None:
        """Overwrites current weights and anchor by parts laid out as the masters; None is the reference."""
        ...

    def count(self) -> int:
        """Number of trained parameters, over all ranks."""
        ...


def local_norm_squared(tensors: Sequence[Tensor]) -> float:
    """Sum of squares of this rank's parts; each tensor in float32, their sum in float64. Waits for a device once."""
    return float(torch.stack([tensor.norm() for tensor in tensors]).double().square().sum())
