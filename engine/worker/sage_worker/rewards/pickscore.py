"""PickScore (Kirstain et al., 2023): exp(logit_scale) cos between prompt and frame, as a mean over frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from sage_worker.hub import CLIP_H
from sage_worker.rewards.base import RewardModel, ScoredVideo, VideoToScore
from sage_worker.rewards.checkpoints import resolve
from sage_worker.rewards.clip import Clip, frames_a_video, notes_of

released = "yuvalkirstain/PickScore_v1"


class PickScore:
    """Component pickscore, about 17 to 24: exp(logit_scale) is 100. Some divide by 26; this does not."""

    name = "pickscore"
    components: tuple[str, ...] = ("pickscore",)

    def __init__(self, clip: Clip) -> None:
        self.clip = clip

    def score(self, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
        """Mean of exp(logit_scale) cos over the frames of each video."""
        scale = self.clip.logit_scale
        return [
            ScoredVideo(
                components={"pickscore": scale * sum(result.frames) / len(result.frames)}, notes=notes_of(result)
            )
            for result in self.clip.cosines(videos)
        ]

    def versions(self) -> dict[str, str]:
        """The checkpoint, and what a number means."""
        return {
            "pickscore": f"{self.clip.source}, {self.clip.precision}",
            "pickscore scale": f"mean of {self.clip.logit_scale:.4g} cos over {frames_a_video} evenly spaced frames",
        }


def load_pickscore(
    checkpoint: str | None, base_folder: Path, device: torch.device, precision: torch.dtype
) -> RewardModel:
    """Loads PickScore from a folder or repository, or the released one. Raises WorkerError.

    A folder that holds a tokenizer is taken whole; otherwise tokenizer and image processor are those of LAION's model.
    """
    source = resolve("pickscore", checkpoint, released, base_folder)
    own = (Path(source) / "tokenizer_config.json").is_file()
    return PickScore(Clip("pickscore", source, source if own else CLIP_H, released, device, precision))
