"""From latents to pixels, one video at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def decode_videos(
    vae: Any, latents: Tensor, denormalise: Callable[[Tensor], Tensor], device: torch.device, offload: bool
) -> Tensor:
    """Videos [N, F, H, W, 3] in uint8 on the CPU of latents [N, C, T, h, w].

    `denormalise` takes latents in the autoencoder's dtype to its own scale. Peak memory is that of one tile of one
    video and its pixels, whatever N is. With `offload` the autoencoder stays on the CPU between calls.
    """
    if offload:
        vae.to(device)
    with torch.no_grad():
        videos = []
        for index in range(len(latents)):
            z = denormalise(latents[index : index + 1].to(device, vae.dtype))
            pixels = vae.decode(z, return_dict=False)[0][0]
            levels = ((pixels.float() * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
            videos.append(levels.permute(1, 2, 3, 0).contiguous().cpu())
    if offload:
        vae.to("cpu")
    return torch.stack(videos)
