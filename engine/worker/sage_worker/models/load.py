"""The models by the names that a config gives them."""

from __future__ import annotations

from typing import cast

from sage_worker.errors import WorkerError
from sage_worker.models.base import ModelOptions, VideoModel
from sage_worker.models.without_gpu import require_gpu

NAMES = ("hunyuan-video-1.5", "wan-2.1", "shapes")


def load_model(name: str, options: ModelOptions) -> VideoModel:
    """Loads a model onto its device; raises WorkerError where its weights or the wanted video do not fit.

    A large one on a CPU is refused.
    """
    # Each model is imported when it is asked for: diffusers takes seconds, and Shapes does without.
    if name == "hunyuan-video-1.5":
        from sage_worker.models.hunyuan_video import PUBLISHED, HunyuanVideo

        require_gpu(options, PUBLISHED)
        return cast(VideoModel, HunyuanVideo(options))
    if name == "wan-2.1":
        from sage_worker.models import wan

        require_gpu(options, wan.PUBLISHED)
        return cast(VideoModel, wan.Wan(options))
    if name == "shapes":
        from sage_worker.models.shapes import load_shapes

        return cast(VideoModel, load_shapes(options))
    message = f"The torch policy knows no model named {name}."
    raise WorkerError("policy/model", message, f"Set policy.model to one of {', '.join(NAMES)}.")
