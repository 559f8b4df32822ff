"""Where things are in a checkpoint as it is published, and what its model_config.json says."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sage_worker.errors import WorkerError
from sage_worker.hub import QWEN2_VL
from sage_worker.rewards.checkpoints import missing, remedy, resolve

released = "KlingTeam/VideoReward"

dimensions = ("VQ", "MQ", "TA")


@dataclass(frozen=True)
class Lora:
    """The adapters that are in the weights: on every linear or embedding module whose name has no excluded part."""

    rank: int
    alpha: float
    rank_stabilised: bool
    excluded: tuple[str, ...]
    last_modules: int
    """How many modules take an adapter, from the last; all where it is not positive."""
    saved_modules: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """model_config.json, as far as scoring needs it."""

    base: str
    """The Qwen2-VL repository or folder that it was trained from."""
    outputs: int
    """Of the reward head: 1, or 3, of which each dimension's token takes its own."""
    lora: Lora | None
    frames_per_second: float
    frames: int | None
    """A fixed number of frames, in place of a rate."""
    max_pixels: int
    """Of one frame."""
    mean: Mapping[str, float]
    std: Mapping[str, float]
    """Raw scores' mean and deviation of each dimension: normalised = (raw - mean) / std."""


@dataclass(frozen=True)
class Checkpoint:
    """Files of a checkpoint on this machine."""

    folder: Path
    step: int
    weights: Path
    settings: Settings
    config: str
    """Folder or repository of the network's config.json."""
    tokenizer: str
    """Folder or repository of the tokenizer."""


def find_checkpoint(checkpoint: str | None, base_folder: Path) -> Checkpoint:
    """The newest `checkpoint-N/model.pth` of a folder or repository, with its settings. Raises WorkerError."""
    source = resolve("videoalign", checkpoint, released, base_folder)
    folder = Path(source) if Path(source).is_dir() else _download(source)
    settings = read_settings(folder / "model_config.json")
    steps = sorted(
        (int(weights.parent.name.removeprefix("checkpoint-")), weights)
        for weights in folder.glob("checkpoint-*/model.pth")
        if weights.parent.name.removeprefix("checkpoint-").isdigit()
    )
    if not steps:
        message = f"{folder} has no checkpoint-N/model.pth."
        raise WorkerError("reward/weights", message, remedy("videoalign", released))
    step, weights = steps[-1]
    near = (weights.parent / "tokenizer", weights.parent, folder)
    return Checkpoint(
        folder=folder,
        step=step,
        weights=weights,
        settings=settings,
        config=_first_with("config.json", near) or settings.base,
        tokenizer=_first_with("tokenizer_config.json", near) or settings.base,
    )


def read_settings(file: Path) -> Settings:
    """Reads model_config.json. Raises WorkerError for what is missing, and for what would be scored another way."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise missing("videoalign", str(file.parent), released, error) from error
    except json.JSONDecodeError as error:
        raise WorkerError(
            "reward/checkpoint", f"{file} is not JSON: {error}.", "Fetch the checkpoint again."
        ) from error
    try:
        return _settings(content)
    except (KeyError, TypeError, ValueError) as error:
        message = f"{file} is not what VideoAlign writes ({type(error).__name__}: {error})."
        raise WorkerError("reward/checkpoint", message, remedy("videoalign", released)) from error


def _settings(content: dict[str, Any]) -> Settings:
    data, model, scale = content["data_config"], content["model_config"], content["inference_config"]
    expected = {
        "prompt_template_type": (data["prompt_template_type"], "detailed_special"),
        "sample_type": (data.get("sample_type", "uniform"), "uniform"),
        "use_special_tokens": (model["use_special_tokens"], True),
        "eval_dim": (tuple(data["eval_dim"]), dimensions),
    }
    for key, (found, known) in expected.items():
        if found != known:
            raise ValueError(f"{key} is {found!r}; only {known!r} is known here")
    if model["output_dim"] not in (1, len(dimensions)):
        raise ValueError(f"output_dim is {model['output_dim']}; only 1 and {len(dimensions)} are known here")
    return Settings(
        base=model["model_name_or_path"] or QWEN2_VL,
        outputs=model["output_dim"],
        lora=_lora(content["peft_lora_config"]),
        frames_per_second=float(data["fps"]),
        frames=None if data.get("num_frames") is None else int(data["num_frames"]),
        max_pixels=int(data["max_frame_pixels"]),
        mean={name: float(scale[f"{name}_mean"]) for name in dimensions},
        std={name: float(scale[f"{name}_std"]) for name in dimensions},
    )


def _lora(peft: dict[str, Any]) -> Lora | None:
    if not peft["lora_enable"]:
        return None
    excluded = peft.get("lora_namespan_exclude") or []
    return Lora(
        rank=int(peft["lora_r"]),
        alpha=float(peft["lora_alpha"]),
        rank_stabilised=bool(peft.get("use_rslora", False)),
        # Written by hand it is a list's text, as on the command line of the training script.
        excluded=tuple(ast.literal_eval(excluded) if isinstance(excluded, str) else excluded),
        last_modules=int(peft.get("num_lora_modules", -1)),
        saved_modules=tuple(peft.get("lora_modules_to_save") or ()),
    )


def _first_with(name: str, folders: tuple[Path, ...]) -> str | None:
    return next((str(folder) for folder in folders if (folder / name).is_file()), None)


def _download(repository: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository))
    except Exception as error:  # the hub's errors, requests' and the disk's: all mean that it is not there
        raise missing("videoalign", repository, released, error) from error
