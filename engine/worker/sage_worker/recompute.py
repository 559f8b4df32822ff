"""Activation checkpointing: of a block its inputs alone are kept, and the backward pass computes the rest again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

Forward = Callable[..., Any]


class Recomputed:
    """The forward pass of a block that is recomputed.

    It stands in the place of the block's own, and so within FSDP's hooks: the backward pass gathers weights once for
    recomputation and gradient. Within it are compiled graphs, see `change_forward`.
    """

    def __init__(self, forward: Forward) -> None:
        self.forward = forward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the block gives."""
        if not torch.is_grad_enabled():
            return self.forward(*args, **kwargs)
        # Neither dropout nor any other random number is in a block, so the generators' states need not be kept.
        return checkpoint(self.forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)


def recompute_blocks(blocks: Iterable[nn.Module]) -> None:
    """Recomputes blocks from here on. Call it before sharding."""
    for block in blocks:
        block.forward = Recomputed(block.forward)  # type: ignore[method-assign]


def is_recomputed(block: nn.Module) -> bool:
    """Whether the block's activations are computed twice."""
    return isinstance(block.forward, Recomputed)


def keep_activations(blocks: Iterable[nn.Module]) -> None:
    """Takes recomputation back from blocks: they keep their activations for the backward pass."""
    for block in blocks:
        if isinstance(block.forward, Recomputed):
            block.forward = block.forward.forward  # type: ignore[method-assign]


def change_forward(block: nn.Module, change: Callable[[Forward], Forward]) -> None:
    """Puts `change(forward)` in the place of the block's forward pass; recomputation goes around it."""
    if isinstance(block.forward, Recomputed):
        block.forward.forward = change(block.forward.forward)
    else:
        block.forward = change(block.forward)  # type: ignore[method-assign]
