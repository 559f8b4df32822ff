"""Full fine-tuning: every parameter in float32; anchor and reference are copies that take its place for a pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sage_worker.distributed import Ranks, total_of
from sage_worker.models.base import VideoModel
from sage_worker.sharding import local, lone_group, shard
from sage_worker.trainable.base import Prepare, Versions, WeightSet, local_norm_squared

Copy = list[Tensor]


class FullTrainable:
    """Trains the network's own parameters, sharded over the ranks where there are several.

    bfloat16 is FSDP's mixed precision, on one process as well: the same casts on any number of them.
    """

    def __init__(
        self, model: VideoModel, precision: torch.dtype, ranks: Ranks, offload: bool, prepare: Prepare | None = None
    ) -> None:
        network = model.network.float().requires_grad_(True)
        self._device = next(network.parameters()).device
        self._ranks = ranks
        if prepare is not None:
            prepare(model)
        if ranks.group is not None or precision != torch.float32:
            shard(model, ranks.group or lone_group(self._device), precision)
        named: dict[str, nn.Parameter] = dict(network.named_parameters())
        self.names = list(named)
        self.parameters = list(named.values())
        self.versions = Versions()
        self._store = torch.device("cpu") if offload else self._device
        self._reference = self._copy()
        self._anchor: Copy | None = None
        self._held: Copy | None = None

    @property
    def masters(self) -> list[Tensor]:
        """This rank's part of each parameter, in float32."""
        return [local(parameter) for parameter in self.parameters]

    def publish(self) -> None:
        """The masters are the parameters."""
        self.versions.change()

    def take_gradients(self) -> list[Tensor]:
        """This rank's part of each gradient; a parameter that the pass did not use has zeros."""
        taken = []
        for parameter in self.parameters:
            gradient = parameter.grad
            taken.append(torch.zeros_like(local(parameter)) if gradient is None else local(gradient))
            parameter.grad = None
        return taken

    def average(self, gradients: Sequence[Tensor]) -> None:
        """The backward pass has averaged them where parameters are sharded."""

    def norm(self, tensors: Sequence[Tensor]) -> float:
        """Norm over the shards of all ranks."""
        squared = torch.tensor(local_norm_squared(tensors), dtype=torch.float64)
        return float(total_of(squared, self._ranks).sqrt())

    @contextmanager
    def using(self, weights: WeightSet) -> Iterator[None]:
        """Puts a copy into the parameters' memory and the parameters back afterwards."""
        copy = self.weights_of(weights)
        if copy is None:
            yield
            return
        self._held = self._held or [torch.empty_like(value) for value in self._reference]
        _overwrite(self._held, self.masters)
        try:
            _overwrite(self.masters, copy)
            yield
        finally:
            _overwrite(self.masters, self._held)

    def weights_of(self, weights: WeightSet) -> Copy | None:
        """The copy that holds a set of weights; None for the current ones. Without an anchor it is the reference."""
        if weights == "current":
            return None
        return self.anchor_values() if weights == "anchor" else self._reference

    def set_anchor(self) -> None:
        """Copies the parameters into the anchor."""
        self._anchor = self._anchor or [torch.empty_like(value) for value in self._reference]
        _overwrite(self._anchor, self.masters)
        self.versions.set_anchor()

    def anchor_values(self) -> Copy:
        """This rank's part of the anchor."""
        return self._reference if self._anchor is None else self._anchor

    def restore(self, current: Sequence[Tensor], anchor: Sequence[Tensor] | None) -> None:
        """Overwrites current weights and anchor by parts that are laid out as the masters."""
        _overwrite(self.masters, current)
        self._anchor = None
        same = 0.0
        if anchor is not None:
            self.set_anchor()
            assert self._anchor is not None
            _overwrite(self._anchor, anchor)
            same = float(all(torch.equal(a, b.to(a.device)) for a, b in zip(self._anchor, current, strict=True)))
        agreed = total_of(torch.tensor(same), self._ranks)
        self.versions.restore(anchor is not None, int(agreed) == self._ranks.size)

    def count(self) -> int:
        """Number of parameters, over all ranks."""
        return sum(parameter.numel() for parameter in self.parameters)

    def _copy(self) -> Copy:
        pinned = self._store.type == "cpu" and self._device.type == "cuda"
        copies = [torch.empty(value.shape, device=self._store, pin_memory=pinned) for value in self.masters]
        _overwrite(copies, self.masters)
        return copies


@torch.no_grad()
def _overwrite(to: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for target, value in zip(to, values, strict=True):
        target.copy_(value)
