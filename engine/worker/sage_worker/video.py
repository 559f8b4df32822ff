"""Writes videos as H.264 in MP4 files that play in a browser, with a still beside each: engine/media in Python."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from av.error import FFmpegError
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sage_worker.errors import WorkerError

Pixels = NDArray[np.uint8]

SMALLEST_SIDE = 256
"""The shorter side of a written video is at least this many pixels."""

FAULTS = {
    errno.ENOSPC: ("disk/full", "the disk is full", "Free some space or choose a folder on another disk."),
    errno.EDQUOT: ("disk/full", "your disk quota is used up", "Free some space or ask for a larger quota."),
    errno.EACCES: ("file/no-permission", "permission was denied", "Give your user permission to write there."),
    errno.EPERM: ("file/no-permission", "permission was denied", "Give your user permission to write there."),
    errno.EROFS: ("disk/read-only", "the file system is mounted read-only", "Choose a folder on a writable disk."),
    errno.ENOTDIR: ("file/not-a-folder", "a part of the path is a file", "Choose a path whose parents are folders."),
    errno.EEXIST: ("file/not-a-folder", "a file is in the folder's place", "Choose a path whose parents are folders."),
    errno.EISDIR: ("file/not-a-file", "it is a folder", "Name a file instead of a folder."),
    errno.EIO: ("disk/broken", "the disk reported an input/output error", "Check the disk and the system log."),
}


def write_video(pixels: Tensor, file: Path, poster: Path, scale: int, quality: int, frames_per_second: float) -> None:
    """Writes one video and its poster; each is there whole or not at all, the poster first.

    pixels [F, H, W, 3]: uint8, or floats in [0, 1] (clamped; NaN is black). `scale` enlarges by whole nearest pixels
    and is raised until the shorter side has 256; odd sizes are padded to even by repeating the last row and column.
    `quality` is the quantizer of H.264, from 10 (best) to 51. yuv420p, BT.601, a key frame every second, index first.
    Equal pixels give equal bytes. Throws WorkerError for a disk fault or where this PyAV cannot encode H.264.
    """
    frames = enlarge(to_bytes(pixels), display_scale(pixels.shape[1], pixels.shape[2], scale))
    # The middle frame says most of what happens.
    still = Image.fromarray(frames[len(frames) // 2])
    replace_file(poster, lambda partial: still.save(partial, format="PNG"))
    replace_file(file, lambda partial: encode(frames, partial, quality, frames_per_second))


def to_bytes(pixels: Tensor) -> Pixels:
    """Pixels [F, H, W, 3] as bytes; floats are clamped to [0, 1] and rounded."""
    if pixels.dtype != torch.uint8:
        pixels = (pixels.float().nan_to_num(nan=0.0).clamp(0, 1) * 255).round().to(torch.uint8)
    array: Pixels = pixels.detach().cpu().numpy()
    return array


def display_scale(height: int, width: int, wanted: int) -> int:
    """The whole factor a video is enlarged by: `wanted`, or more where the shorter side would stay below 256."""
    return max(1, int(wanted), -(-SMALLEST_SIDE // min(height, width)))


def enlarge(frames: Pixels, scale: int) -> Pixels:
    """Frames [F, H, W, 3] enlarged by the nearest pixel and padded to even sizes."""
    if scale > 1:
        frames = frames.repeat(scale, axis=1).repeat(scale, axis=2)
    _, height, width, _ = frames.shape
    if height % 2 or width % 2:
        frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(frames)


def encode(frames: Pixels, file: Path, quality: int, frames_per_second: float) -> None:
    """Encodes frames [F, H, W, 3] of even size into an MP4 file."""
    if "libx264" not in av.codecs_available:
        raise WorkerError(
            "videos/no-encoder",
            f"PyAV {av.__version__} in this Python was built without libx264, so it cannot write H.264.",
            "Install the wheel from PyPI (`pip install --force-reinstall av`), or set videos.every to 0.",
        )
    _, height, width, _ = frames.shape
    # One thread and no lookahead across key frames: the bytes depend on the pixels alone, not on the machine's cores.
    options = {"preset": "veryfast", "qp": str(quality), "bf": "0", "threads": "1"}
    container_options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(file), "w", format="mp4", options=container_options) as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(frames_per_second).limit_denominator(1001), options=options
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.gop_size = max(1, round(frames_per_second))
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU601
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.IEC61966_2_1
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture = picture.reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG
            )
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    check_whole(file)


def check_whole(file: Path) -> None:
    """The container's last bytes are written when it is closed, where a full disk goes unnoticed: boxes must add up."""
    size, at, kinds = file.stat().st_size, 0, []
    with file.open("rb") as stream:
        while at < size:
            stream.seek(at)
            head = stream.read(16)
            if len(head) < 8:
                break
            length, kind = struct.unpack(">I4s", head[:8])
            if length == 1 and len(head) == 16:
                (length,) = struct.unpack(">Q", head[8:])
            kinds.append(kind)
            at += max(length, 8)
    if at != size or b"moov" not in kinds or b"mdat" not in kinds:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))


def replace_file(file: Path, write: Callable[[Path], None]) -> None:
    """Lets `write` make the file under another name, then puts it in place. Makes the folder where it is missing."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(partial)
        os.replace(partial, file)
    except (OSError, FFmpegError) as error:
        raise disk_error(error, file) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def disk_error(error: OSError | FFmpegError, file: Path) -> WorkerError:
    """What a person can do about a failed system call; what the encoder itself refused is said in its own words."""
    code, says, remedy = FAULTS.get(
        error.errno or 0,
        ("videos/failed", str(error), "Set videos.every to 0 to go on without videos; report this with engine.log."),
    )
    return WorkerError(code, f"Could not write the video: {says} ({file}).", remedy)
