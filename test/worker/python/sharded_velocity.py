"""One of two processes that hold a tiny HunyuanVideo-1.5 in shards: `RANK FOLDER CACHE STORE OUTPUT`.

Each process has texts of its own. The velocities of its two rows go into the output file, after a backward pass.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch.distributed.fsdp import fully_shard

from sage_worker.models.base import ModelOptions
from sage_worker.models.load import load_model
from sage_worker.recompute import recompute_blocks
from tiny import HUNYUAN_VIDEO

PROMPTS = (("rain", "rain"), ("rain", "a red ball rolls"))


def inputs(rank: int, latent_shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """x [2, *latent_shape] and sigma [2] of a process."""
    x = torch.randn((2, *latent_shape), generator=torch.Generator().manual_seed(rank))
    return x, torch.tensor([0.9, 0.4])


def main() -> None:
    rank, folder, cache, store, output = int(sys.argv[1]), *(Path(argument) for argument in sys.argv[2:])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=store.as_uri(), rank=rank, world_size=2)
    options = ModelOptions(
        weights=str(folder),
        **HUNYUAN_VIDEO,
        precision=torch.float32,
        cache=cache,
        device=torch.device("cpu"),
        guidance_batching="sequential",
        rows_per_pass=2,
    )
    model = load_model("hunyuan-video-1.5", options)
    recompute_blocks(model.blocks())
    for block in model.blocks():
        fully_shard(block)
    fully_shard(model.network)
    x, sigma = inputs(rank, model.latent_shape)
    velocity = model.velocity(x, sigma, model.encode(PROMPTS[rank]), 3.0)
    velocity.square().mean().backward()
    save_file({"velocity": velocity.detach()}, output)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
