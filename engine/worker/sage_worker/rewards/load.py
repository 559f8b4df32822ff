"""Loads what the config's `reward` names: models, a user's function, held-out metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from sage_worker.errors import WorkerError
from sage_worker.memory import OutOfMemory, is_memory
from sage_worker.models.base import VideoFormat
from sage_worker.rewards.base import RewardModel
from sage_worker.rewards.checkpoints import lost_folder
from sage_worker.rewards.mix import Rewards, less_memory
from sage_worker.rewards.python_reward import PythonReward


@dataclass(frozen=True)
class RewardOptions:
    """The config's `reward`, as `init.reward` brings it, and where it is computed."""

    models: tuple[str, ...]
    """videoalign, clipscore, pickscore; several are summed up by the trainer's weights."""
    base_folder: Path
    """The config's folder: relative paths are taken from here."""
    video: VideoFormat
    """Of the run's videos."""
    python: str | None = None
    """A user's function, as in `my_rewards.py:score`."""
    held_out: tuple[str, ...] = ()
    """Metrics that are only watched."""
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    """Folder or repository of a model's weights, by its name; the released ones otherwise."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: torch.dtype = torch.float32
    """Of weights and activations: bfloat16 or float32. Scores are taken in float32."""
    cache: Path | None = None
    """Where small files that had to be fetched are kept."""


def load_rewards(options: RewardOptions) -> Rewards:
    """Loads everything that scores; a model that is both a reward and held out once. Raises WorkerError."""
    if not options.models and options.python is None and not options.held_out:
        message = "The reward names neither a model nor a Python function."
        raise WorkerError("reward/none", message, f"Set reward.model to one of {', '.join(_makers)}, or reward.python.")
    loaded = {name: _load(name, options) for name in dict.fromkeys((*options.models, *options.held_out))}
    models = [loaded[name] for name in dict.fromkeys(options.models)]
    if options.python is not None:
        models.append(PythonReward(options.python, options.base_folder, options.video))
    return Rewards(models, [loaded[name] for name in dict.fromkeys(options.held_out)])


def _load(name: str, options: RewardOptions) -> RewardModel:
    make = _makers.get(name)
    if make is None:
        remedy = f"The torch policy has {', '.join(_makers)}; a reward of your own goes into reward.python."
        raise WorkerError("reward/unknown", f"{name} is not a reward model of the worker.", remedy)
    try:
        return make(options)
    except WorkerError as error:
        raise lost_folder(error, name, options.checkpoints.get(name), options.base_folder) from error
    except Exception as error:
        if not is_memory(error):
            raise
        raise OutOfMemory(f"there was too little for {name} ({type(error).__name__}: {error})", less_memory) from error


# Each model's module imports transformers, which takes seconds: only what is named is imported.
def _videoalign(options: RewardOptions) -> RewardModel:
    from sage_worker.rewards.videoalign import load_videoalign

    checkpoint = options.checkpoints.get("videoalign")
    return load_videoalign(checkpoint, options.base_folder, options.device, options.precision, options.cache)


def _clipscore(options: RewardOptions) -> RewardModel:
    from sage_worker.rewards.clipscore import load_clipscore

    checkpoint = options.checkpoints.get("clipscore")
    return load_clipscore(checkpoint, options.base_folder, options.device, options.precision)


def _pickscore(options: RewardOptions) -> RewardModel:
    from sage_worker.rewards.pickscore import load_pickscore

    checkpoint = options.checkpoints.get("pickscore")
    return load_pickscore(checkpoint, options.base_folder, options.device, options.precision)


_makers: dict[str, Callable[[RewardOptions], RewardModel]] = {
    "videoalign": _videoalign,
    "clipscore": _clipscore,
    "pickscore": _pickscore,
}
