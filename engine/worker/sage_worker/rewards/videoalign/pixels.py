"""From a video to what Qwen2-VL's vision tower takes, as VideoAlign prepares it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sage_worker.rewards.frames import as_bytes, evenly_spaced
from sage_worker.rewards.videoalign.layout import Settings

# Of frames and pixels, for a video without other wishes (upstream's vision_process.py).
_frames_factor = 2
_frames_least = 4
_frames_most = 768
_pixels_least = 128 * 28 * 28
_aspect_most = 200

_mean = (0.48145466, 0.4578275, 0.40821073)
_std = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class PatchSize:
    """Of the vision tower: pixels, frames, and patches of a side that are merged into one token."""

    pixels: int
    frames: int
    merge: int


@dataclass(frozen=True)
class Patches:
    """One video: values [T·H·W, C·frames·pixels²] in float32, in the order in which the tower merges them."""

    values: Tensor
    grid: tuple[int, int, int]
    """T, H, W in patches."""

    def tokens(self, size: PatchSize) -> int:
        """Of the language model."""
        return math.prod(self.grid) // size.merge**2


def frame_count(frames: int, frames_per_second: float, settings: Settings) -> int:
    """How many of a video's frames are looked at: an even number, by its length in time. Raises ValueError below 2."""
    if settings.frames is not None:
        count = round(settings.frames / _frames_factor) * _frames_factor
    else:
        most = min(_frames_most, frames) // _frames_factor * _frames_factor
        wanted = frames / frames_per_second * settings.frames_per_second
        count = round(min(max(wanted, _frames_least), most) / _frames_factor) * _frames_factor
    count = min(count, frames)
    if count < _frames_factor:
        raise ValueError(f"VideoAlign needs {_frames_factor} frames at least, and it has {frames}")
    return count


def frame_size(height: int, width: int, factor: int, max_pixels: int) -> tuple[int, int]:
    """Height and width that a frame is resized to: multiples of `factor`, about its own shape, within the pixels."""
    if max(height, width) / min(height, width) > _aspect_most:
        raise ValueError(f"its frames of {width}x{height} are longer than {_aspect_most} to 1")
    rows, columns = (max(factor, round(side / factor) * factor) for side in (height, width))
    if rows * columns > max_pixels:
        scale = math.sqrt(height * width / max_pixels)
        rows, columns = (math.floor(side / scale / factor) * factor for side in (height, width))
    elif rows * columns < _pixels_least:
        scale = math.sqrt(_pixels_least / (height * width))
        rows, columns = (math.ceil(side * scale / factor) * factor for side in (height, width))
    if min(rows, columns) < factor:
        raise ValueError(f"its frames of {width}x{height} are too narrow for VideoAlign")
    return rows, columns


def prepare(
    pixels: Tensor, frames_per_second: float, settings: Settings, size: PatchSize, device: torch.device
) -> Patches:
    """Patches on `device` of a video [F, H, W, 3]. Raises ValueError where VideoAlign cannot look at it."""
    chosen = evenly_spaced(pixels.shape[0], frame_count(pixels.shape[0], frames_per_second, settings))
    frames = as_bytes(pixels[chosen]).to(device).permute(0, 3, 1, 2)
    rows, columns = frame_size(frames.shape[2], frames.shape[3], size.pixels * size.merge, settings.max_pixels)
    return patches_of(normalise(resize(frames, rows, columns)), size)


def resize(frames: Tensor, rows: int, columns: int) -> Tensor:
    """Frames [F, 3, H, W] uint8 at another size: bicubic, antialiased, rounded to whole values as torchvision does."""
    if frames.shape[2:] == (rows, columns):
        return frames
    resized = interpolate(frames.float(), size=(rows, columns), mode="bicubic", align_corners=False, antialias=True)
    return resized.clamp(0, 255).round().to(torch.uint8)


def normalise(frames: Tensor) -> Tensor:
    """Frames of 0 to 255 in float32, by CLIP's mean and deviation of each channel."""
    mean, std = (torch.tensor(values, device=frames.device)[:, None, None] for values in (_mean, _std))
    return (frames.float() / 255 - mean) / std


def patches_of(frames: Tensor, size: PatchSize) -> Patches:
    """Cuts frames [F, C, H, W] into patches; F must be a multiple of a patch's frames."""
    count, channels, height, width = frames.shape
    t, h, w = count // size.frames, height // size.pixels, width // size.pixels
    cut = frames.reshape(
        t, size.frames, channels, h // size.merge, size.merge, size.pixels, w // size.merge, size.merge, size.pixels
    )
    # Time, then squares of merged patches by row, then patches of a square; inside one: channel, frame, row, column.
    ordered = cut.permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
    return Patches(ordered.reshape(t * h * w, channels * size.frames * size.pixels**2), (t, h, w))
