"""Videos that the worker writes: decoded again by FFmpeg, and their boxes read as bytes."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sage_worker.errors import WorkerError
from sage_worker.video import write_video


def moving_square(frames: int = 9, height: int = 256, width: int = 320) -> Tensor:
    """A bright square that moves right on a dark gradient, [frames, height, width, 3] in [0, 1]."""
    rows = torch.linspace(0.1, 0.3, height)[None, :, None, None]
    video = rows.expand(frames, height, width, 3).clone()
    for k in range(frames):
        video[k, 80:160, 8 * k : 8 * k + 80] = torch.tensor([0.9, 0.6, 0.2])
    return video


def decoded(file: Path) -> NDArray[np.uint8]:
    with av.open(str(file)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def boxes(file: Path) -> list[str]:
    data, at, kinds = file.read_bytes(), 0, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        kinds.append(kind.decode())
        at += length
    return kinds


def test_a_video_is_h264_that_begins_to_play_before_it_is_loaded(tmp_path: Path) -> None:
    write_video(moving_square(), tmp_path / "new" / "v.mp4", tmp_path / "new" / "v.png", 1, 20, 8)
    kinds = boxes(tmp_path / "new" / "v.mp4")
    assert kinds.index("moov") < kinds.index("mdat")
    with av.open(str(tmp_path / "new" / "v.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.frames, stream.average_rate) == (320, 256, 9, Fraction(8))
        # A key frame every second: a viewer can go to any moment.
        assert [packet.is_keyframe for packet in container.demux(video=0) if packet.size] == [True] + [False] * 7 + [
            True
        ]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["v.mp4", "v.png"]


def test_what_is_decoded_are_the_pixels_that_were_written(tmp_path: Path) -> None:
    video = moving_square()
    write_video(video, tmp_path / "v.mp4", tmp_path / "v.png", 1, 10, 24)
    wanted = (video * 255).round().to(torch.uint8).numpy()
    difference = np.abs(decoded(tmp_path / "v.mp4").astype(int) - wanted.astype(int))
    # Chroma is halved in both directions, which blurs the square's edge.
    assert difference.mean() < 1.5
    assert (difference > 12).mean() < 0.02


def test_the_poster_is_the_middle_frame(tmp_path: Path) -> None:
    video = moving_square(frames=4)
    write_video(video, tmp_path / "v.mp4", tmp_path / "v.png", 1, 20, 8)
    still = np.asarray(Image.open(tmp_path / "v.png"))
    np.testing.assert_array_equal(still, (video[2] * 255).round().to(torch.uint8).numpy())


def test_floats_bytes_and_equal_pixels_give_equal_files(tmp_path: Path) -> None:
    video = moving_square()
    video[0, 0, 0] = torch.tensor([float("nan"), -3.0, 7.0])
    as_bytes = (video.nan_to_num(0).clamp(0, 1) * 255).round().to(torch.uint8)
    files = []
    for name, pixels in (("a", video), ("b", as_bytes), ("c", video)):
        write_video(pixels, tmp_path / f"{name}.mp4", tmp_path / f"{name}.png", 1, 26, 8)
        files.append(((tmp_path / f"{name}.mp4").read_bytes(), (tmp_path / f"{name}.png").read_bytes()))
    assert files[0] == files[1] == files[2]


def test_a_small_odd_video_is_enlarged_by_whole_pixels_and_made_even(tmp_path: Path) -> None:
    video = torch.rand(2, 33, 51, 3, generator=torch.Generator().manual_seed(1))
    write_video(video, tmp_path / "v.mp4", tmp_path / "v.png", 1, 20, 8)
    still = np.asarray(Image.open(tmp_path / "v.png"))
    # 33 rows reach 256 at the factor 8; 33 * 8 and 51 * 8 are even.
    assert still.shape == (264, 408, 3)
    np.testing.assert_array_equal(still[::8, ::8], (video[1] * 255).round().to(torch.uint8).numpy())
    write_video(torch.rand(2, 257, 301, 3), tmp_path / "w.mp4", tmp_path / "w.png", 1, 20, 8)
    assert decoded(tmp_path / "w.mp4").shape == (2, 258, 302, 3)


def test_quality_trades_size(tmp_path: Path) -> None:
    sizes = []
    for quality in (10, 26, 51):
        write_video(moving_square(), tmp_path / "v.mp4", tmp_path / "v.png", 1, quality, 8)
        sizes.append((tmp_path / "v.mp4").stat().st_size)
    assert sizes[0] > sizes[1] > sizes[2]


def test_a_folder_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkerError) as caught:
        write_video(moving_square(), tmp_path / "file" / "v.mp4", tmp_path / "file" / "v.png", 1, 20, 8)
    assert caught.value.code == "file/not-a-folder"
    assert str(tmp_path / "file" / "v.png") in caught.value.message


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("needs to mount a small tmpfs (root on Linux)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("room", [8, 24, 200])
def test_a_full_disk_is_named_and_leaves_no_half_written_file(small_disk: Path, room: int) -> None:
    """Full in the poster, in the video's index, in the middle of the video."""
    (small_disk / "other").write_bytes(b"x" * (256 - room) * 1024)
    noise = torch.rand(8, 64, 64, 3, generator=torch.Generator().manual_seed(1))
    with pytest.raises(WorkerError) as caught:
        write_video(noise, small_disk / "v.mp4", small_disk / "v.png", 1, 10, 8)
    assert caught.value.code == "disk/full"
    assert {path.name for path in small_disk.iterdir()} <= {"other", "v.png"}
