"""CLIPScore (Hessel et al., 2021): max(100 cos, 0) between prompt and frame, as a mean over frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from sage_worker.rewards.base import RewardModel, ScoredVideo, VideoToScore
from sage_worker.rewards.checkpoints import resolve
from sage_worker.rewards.clip import Clip, frames_a_video, notes_of

released = "openai/clip-vit-large-patch14"


class ClipScore:
    """Component clipscore, 0 to 100; about 20 to 35 for videos that show their prompt."""

    name = "clipscore"
    components: tuple[str, ...] = ("clipscore",)

    def __init__(self, clip: Clip) -> None:
        self.clip = clip

    def score(self, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
        """Mean of max(100 cos, 0) over the frames of each video."""
        return [
            ScoredVideo(
                components={"clipscore": sum(max(100 * c, 0) for c in result.frames) / len(result.frames)},
                notes=notes_of(result),
            )
            for result in self.clip.cosines(videos)
        ]

    def versions(self) -> dict[str, str]:
        """The checkpoint, and what a number means."""
        return {
            "clipscore": f"{self.clip.source}, {self.clip.precision}",
            "clipscore scale": f"mean of max(100 cos, 0) over {frames_a_video} evenly spaced frames",
        }


def load_clipscore(
    checkpoint: str | None, base_folder: Path, device: torch.device, precision: torch.dtype
) -> RewardModel:
    """Loads CLIPScore from a folder or repository, or the released one. Raises WorkerError."""
    source = resolve("clipscore", checkpoint, released, base_folder)
    return ClipScore(Clip("clipscore", source, source, released, device, precision))
