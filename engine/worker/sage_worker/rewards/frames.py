"""Which frames of a video a reward model looks at, and how it gets them."""

from __future__ import annotations

import torch
from torch import Tensor


def evenly_spaced(frames: int, count: int) -> list[int]:
    """`count` indices from first to last frame at even distances, ends included; all frames where there are fewer.

    As upstream's `torch.linspace(0, frames - 1, count).round()`, halves to the even index.
    """
    if frames < 1 or count < 1:
        raise ValueError(f"cannot choose {count} of {frames} frames")
    return [int(i) for i in torch.linspace(0, frames - 1, min(count, frames)).round().long().tolist()]


def as_bytes(pixels: Tensor) -> Tensor:
    """uint8 of pixels that are uint8 or float in [0, 1], as a video file would hold them; the shape stays.

    Raises ValueError where a value is not finite: such a video must not get a score.
    """
    if pixels.dtype == torch.uint8:
        return pixels
    if not bool(torch.isfinite(pixels).all()):
        raise ValueError("it has pixels that are not finite")
    return pixels.float().clamp(0, 1).mul(255).round().to(torch.uint8)


def fault_of(pixels: Tensor) -> str | None:
    """Why these are not the pixels [F, H, W, 3] of a video; None where they are."""
    if pixels.ndim != 4 or pixels.shape[-1] != 3:
        return f"its pixels have the shape {list(pixels.shape)}, not [frames, height, width, 3]"
    if min(pixels.shape) < 1:
        return f"its shape is {list(pixels.shape)}: there is nothing in it"
    if pixels.dtype != torch.uint8 and not bool(torch.isfinite(pixels).all()):
        return "it has pixels that are not finite"
    return None
