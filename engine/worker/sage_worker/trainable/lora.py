"""LoRA by peft: adapter `default` is trained, `anchor` is a second one on the same base weights, none is the reference.

Adapters compute in the run's precision; the optimizer moves float32 masters of the trained one. They are small and
every rank holds them whole, so that only frozen weights are sharded.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from sage_worker.distributed import Ranks, average_gradients
from sage_worker.errors import WorkerError
from sage_worker.models.base import VideoModel
from sage_worker.sharding import shard
from sage_worker.trainable.base import Adapter, Prepare, Versions, WeightSet, local_norm_squared

TRAINED = "default"
ANCHOR = "anchor"


class LoraTrainable:
    """Trains the adapter `default` of a diffusers model."""

    def __init__(
        self,
        model: VideoModel,
        adapter: Adapter,
        precision: torch.dtype,
        seed: int,
        ranks: Ranks,
        prepare: Prepare | None = None,
    ) -> None:
        if model.lora_targets is None:
            raise WorkerError(
                "policy/adapter",
                f"The model {model.name} takes no LoRA adapter.",
                "Set policy.adapter.kind to none: all of its weights are trained.",
            )
        network: Any = model.network.requires_grad_(False)
        config = LoraConfig(r=adapter.rank, lora_alpha=adapter.alpha, target_modules=model.lora_targets)  # type: ignore[arg-type]
        with torch.random.fork_rng(devices=[]):
            # On every rank the same numbers, whatever was drawn before.
            torch.manual_seed(seed)
            network.add_adapter(config, adapter_name=TRAINED)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Already found a `peft_config`")
                network.add_adapter(config, adapter_name=ANCHOR)
        self.network = network
        self._layers = [layer for layer in network.modules() if isinstance(layer, BaseTunerLayer)]
        self._ranks = ranks
        self._trained = self.adapter_parameters(TRAINED)
        self._anchor = self.adapter_parameters(ANCHOR)
        for parameter in [*self._trained.values(), *self._anchor.values()]:
            parameter.data = parameter.data.to(precision)
        self.versions = Versions()
        self._activate("current")
        self.names = list(self._trained)
        self.masters = [parameter.detach().float().clone() for parameter in self._trained.values()]
        if prepare is not None:
            prepare(model)
        if ranks.group is not None:
            replicated: set[nn.Parameter] = {*self._trained.values(), *self._anchor.values()}
            shard(model, ranks.group, precision, replicated)

    def adapter_parameters(self, adapter: str) -> dict[str, nn.Parameter]:
        """Parameters of an adapter by their name in diffusers' format."""
        infix = f".{adapter}."
        return {
            name.replace(infix, "."): parameter
            for name, parameter in self.network.named_parameters()
            if "lora_" in name and infix in name
        }

    @torch.no_grad()
    def publish(self) -> None:
        """Rounds the masters into the trained adapter."""
        for parameter, master in zip(self._trained.values(), self.masters, strict=True):
            parameter.copy_(master)
        self.versions.change()

    def take_gradients(self) -> list[Tensor]:
        """Gradients in float32; a matrix that the pass did not use has zeros."""
        taken = []
        for parameter in self._trained.values():
            gradient = parameter.grad
            taken.append(torch.zeros_like(parameter, dtype=torch.float32) if gradient is None else gradient.float())
            parameter.grad = None
        return taken

    def average(self, gradients: Sequence[Tensor]) -> None:
        """Mean over the ranks, in float32."""
        average_gradients(gradients, self._ranks)

    def norm(self, tensors: Sequence[Tensor]) -> float:
        """Norm; every rank holds all."""
        return float(local_norm_squared(tensors) ** 0.5)

    @contextmanager
    def using(self, weights: WeightSet) -> Iterator[None]:
        """Activates another adapter or none. Without an anchor the anchor is the reference."""
        try:
            self._activate(weights)
            yield
        finally:
            self._activate("current")

    @torch.no_grad()
    def set_anchor(self) -> None:
        """Copies the trained adapter into the anchor's."""
        for to, parameter in zip(self._anchor.values(), self._trained.values(), strict=True):
            to.copy_(parameter)
        self.versions.set_anchor()

    def anchor_values(self) -> list[Tensor]:
        """The anchor's matrices in float32."""
        return [parameter.detach().float() for parameter in self._anchor.values()]

    @torch.no_grad()
    def restore(self, current: Sequence[Tensor], anchor: Sequence[Tensor] | None) -> None:
        """Overwrites masters and anchor."""
        for master, value in zip(self.masters, current, strict=True):
            master.copy_(value)
        self.publish()
        for parameter, value in zip(self._anchor.values(), anchor or [], strict=anchor is not None):
            parameter.copy_(value)
        pairs = zip(self._anchor.values(), self._trained.values(), strict=True)
        self.versions.restore(anchor is not None, all(torch.equal(a, b) for a, b in pairs))

    def count(self) -> int:
        """Number of parameters of the trained adapter."""
        return sum(master.numel() for master in self.masters)

    def _activate(self, weights: WeightSet) -> None:
        base_alone = weights == "reference" or (weights == "anchor" and not self.versions.has_anchor)
        for layer in self._layers:
            if base_alone:
                layer.enable_adapters(False)
            else:
                layer.enable_adapters(True)
                layer.set_adapter(ANCHOR if weights == "anchor" else TRAINED)
        # peft lets whatever is active have a gradient, and takes it from what is off.
        for parameter in self._trained.values():
            parameter.requires_grad_(True)
        for parameter in self._anchor.values():
            parameter.requires_grad_(False)
