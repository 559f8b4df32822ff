"""VideoAlign's network at full size with random weights and random words of an instruction's length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from measuring import Bench
from sage_worker.rewards.videoalign.layout import Lora, Settings
from sage_worker.rewards.videoalign.network import RewardNetwork
from sage_worker.rewards.videoalign.pixels import PatchSize, prepare
from sage_worker.rewards.videoalign.weights import _with_adapters

INSTRUCTION = 400
"""Tokens of the instruction with a prompt of usual length."""
EXCLUDED = ("lm_head", "rm_head", "embed_tokens", "visual")


def config_of(tiny: bool) -> Any:
    """Qwen2-VL-2B with VideoAlign's three words, or a tiny one."""
    from transformers import Qwen2VLConfig

    text: dict[str, Any] = {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28}
    text |= {"num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151_660}
    text |= {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}}
    vision: dict[str, Any] = {"depth": 32, "embed_dim": 1280, "hidden_size": 1536, "mlp_ratio": 4, "num_heads": 16}
    if not tiny:
        return Qwen2VLConfig(text_config=text, vision_config=vision)
    text |= {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    text |= {"vocab_size": 200, "bos_token_id": None, "eos_token_id": None}
    text |= {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}}
    vision |= {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4}
    return Qwen2VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=190,
        video_token_id=191,
        vision_start_token_id=192,
        vision_end_token_id=193,
    )


def network_of(bench: Bench, config: Any) -> nn.Module:
    """The network with adapters of rank 64, as the published one has them."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(bench.precision)
    try:
        with torch.device(bench.device):
            network: nn.Module = RewardNetwork(config, 1)
            network = _with_adapters(network, Lora(64, 128.0, False, EXCLUDED, -1, ()))
    finally:
        torch.set_default_dtype(before)
    return network.to(bench.device).eval().requires_grad_(False)


def random_video_align(bench: Bench) -> tuple[Callable[[], Tensor], int, int]:
    """A function that scores one video from its pixels, the tokens that the network reads, and its parameters."""
    config = config_of(bench.tiny)
    frames, height, width = (8, 56, 56) if bench.tiny else (81, 352, 624)
    network = network_of(bench, config)
    settings = Settings(
        base="random", outputs=1, lora=None, frames_per_second=2.0, frames=None, max_pixels=200_704, mean={}, std={}
    )
    vision = config.vision_config
    size = PatchSize(vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size)
    pixels = torch.randint(0, 255, (frames, height, width, 3), dtype=torch.uint8)
    words = torch.tensor([1, 2, 3])

    def row() -> tuple[Tensor, Any]:
        patches = prepare(pixels, 24.0, settings, size, bench.device)
        video = torch.full((patches.tokens(size),), config.video_token_id)
        instruction = 20 if bench.tiny else INSTRUCTION
        rest = 10 + torch.arange(instruction - 3) % 100
        return torch.cat([video, rest, words])[None].to(bench.device), patches

    @torch.no_grad()
    def score() -> Tensor:
        ids, patches = row()
        grid = torch.tensor([patches.grid], device=bench.device)
        scores: Tensor = network(ids, patches.values, grid, words.to(bench.device)).cpu()
        return scores

    return score, row()[0].shape[1], sum(p.numel() for p in network.parameters())
