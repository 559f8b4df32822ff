"""What the worker asks of a reward model or a held-out metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class ScoredVideo:
    """What one model says of one video. A failure is `reason`, never a number (method.md, rewards and advantages)."""

    components: dict[str, float] = field(default_factory=dict)
    """On the scale that the reward uses, e.g. VideoAlign's normalised VQ, MQ and TA."""
    raw: dict[str, float] = field(default_factory=dict)
    """The same components on the model's own scale, where that differs."""
    reason: str | None = None
    """Why the video has no score."""
    notes: tuple[str, ...] = ()
    """What a reader of the score should know, e.g. that the prompt was cut to 77 tokens."""


@dataclass(frozen=True)
class VideoToScore:
    """Pixels [F, H, W, 3] on the CPU, uint8 or float32 in [0, 1], with what they show and a name for messages."""

    pixels: Tensor
    prompt: str
    frames_per_second: float
    name: str


class RewardModel(Protocol):
    """Scores videos. One result a video, in order; it raises only where it cannot work at all."""

    name: str
    components: tuple[str, ...]

    def score(self, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
        """Scores of some videos, batched as the model likes."""
        ...

    def versions(self) -> dict[str, str]:
        """What identifies the model in a run's provenance: checkpoint, libraries."""
        ...
