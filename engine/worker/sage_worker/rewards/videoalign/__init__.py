"""VideoAlign (VideoReward, Liu et al., 2025): visual quality, motion quality and text alignment of a video."""

from sage_worker.rewards.videoalign.model import load_videoalign

__all__ = ["load_videoalign"]
