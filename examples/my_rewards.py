"""A reward of one's own: smooth motion in a well exposed picture.

In a config:

    reward:
      model: videoalign
      python: "my_rewards.py:score"
      weights: { VQ: 0.5, MQ: 0.5, TA: 1, smoothness: 0.5, exposure: 0.2 }

docs/rewards.md says what a function gets and may return. This one needs numpy alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sage_worker.rewards import Video


def score(video: Video) -> dict[str, float]:
    """Both components are in [0, 1], and 1 is best."""
    light = brightness(video)
    if light.shape[0] < 3:
        # What is raised drops this video from its group, with these words in the run's log; it never becomes a 0.
        raise ValueError(f"motion shows in 3 frames or more, and there are {light.shape[0]}")
    return {"smoothness": smoothness(light), "exposure": exposure(light)}


def brightness(video: Video) -> np.ndarray:
    """Luma [frames, height, width] in [0, 1]; every other pixel is enough."""
    return video.pixels[:, ::2, ::2].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255


def smoothness(light: np.ndarray) -> float:
    """How little the change from frame to frame itself changes: 1 for a steady fade or a still, near 0 for flicker.

    A still is as smooth as can be, so this alone would teach a model to stand still: give it company, such as MQ.
    """
    change = np.diff(light, axis=0)
    jerk = np.abs(np.diff(change, axis=0)).mean()
    return float(1 - jerk / (2 * np.abs(change).mean() + 1e-6))


def exposure(light: np.ndarray) -> float:
    """The share of pixels that are neither black nor burnt out."""
    return float(((light > 0.02) & (light < 0.98)).mean())
