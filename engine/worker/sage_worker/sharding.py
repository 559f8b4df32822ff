"""Fully sharded data parallelism (FSDP2), applied to an unchanged network."""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import HashStore
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from sage_worker.models.base import VideoModel


def shard(
    model: VideoModel, group: dist.ProcessGroup, precision: torch.dtype, replicated: set[nn.Parameter] | None = None
) -> None:
    """Shards every block and the rest of the model's network over the group, in place.

    Trained parameters keep their dtype as master weights; passes compute in `precision` and gradients are averaged in
    float32. `replicated` parameters are left alone: every rank holds them whole.
    """
    device = next(model.network.parameters()).device
    mesh = DeviceMesh.from_group(group, device.type)
    trains = any(value.requires_grad and value not in (replicated or ()) for value in model.network.parameters())
    # Frozen weights are stored in the dtypes that the model wants. Inputs are cast by the model itself: a timestep
    # must not be rounded to bfloat16 where the model does not round it.
    policy = MixedPrecisionPolicy(
        param_dtype=precision if trains else None, reduce_dtype=torch.float32, cast_forward_inputs=False
    )
    # The root, too, is gathered anew in every pass: kept after a pass without gradient, it would hide the next update.
    options: dict[str, Any] = {"mesh": mesh, "mp_policy": policy, "reshard_after_forward": True}
    # Nothing writes into what a network returns.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    for block in model.blocks():
        fully_shard(block, ignored_params=replicated, **options)
    fully_shard(model.network, ignored_params=replicated, **options)


def forget_pass(network: nn.Module) -> None:
    """After a pass that failed halfway: no gradient is left of it, and sharded weights are gathered anew.

    A network left as it was would go on with the gathered weights, whatever becomes of the shards.
    """
    # Parameters that are gathered have gradients of their own, which FSDP would add to the next ones.
    network.zero_grad(set_to_none=True)
    # Before its first pass there is nothing to reset, and FSDP cannot do it.
    if isinstance(network, FSDPModule) and network._get_fsdp_state()._is_root is not None:
        network.reset_iter_state()
        network.zero_grad(set_to_none=True)


def local(value: Tensor) -> Tensor:
    """This rank's part of a tensor, sharing its memory."""
    value = value.detach()
    return value.to_local() if isinstance(value, DTensor) else value


def as_laid_out(part: Tensor, like: Tensor) -> Tensor:
    """This rank's part as the distributed tensor that is laid out as `like`; itself where that is not distributed."""
    if not isinstance(like, DTensor):
        return part
    return DTensor.from_local(
        part, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )


def to_whole(part: Tensor, like: Tensor) -> Tensor:
    """The tensor of which this is a rank's part, on every rank."""
    whole = as_laid_out(part.to(like.device), like)
    return whole.full_tensor() if isinstance(whole, DTensor) else whole


def from_whole(whole: Tensor, like: Tensor) -> Tensor:
    """This rank's part of a tensor that every rank has, laid out as `like`."""
    if not isinstance(like, DTensor):
        return whole
    return local(distribute_tensor(whole.to(like.device), like.device_mesh, like.placements, src_data_rank=None))


def lone_group(device: torch.device) -> dist.ProcessGroup:
    """A group of this process alone, for mixed precision by FSDP where there is one process."""
    if not dist.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    group = dist.group.WORLD
    assert group is not None
    return group
