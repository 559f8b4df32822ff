"""A published pipeline on the disk: where it is, whether it is the one that was asked for, and its loaded parts."""

from __future__ import annotations

import gc
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from sage_worker.errors import WorkerError
from sage_worker.hub import download
from sage_worker.models.base import ModelOptions, VideoFormat

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Published:
    """How a model is published. Each of its parts is a sub-folder, with the class in it where that is fixed."""

    title: str
    pipeline: str
    repository: str
    parts: Mapping[str, str | None]
    encoders: Mapping[str, str]
    """The classes of transformers as which text encoders are loaded, by their sub-folders."""

    @property
    def text_parts(self) -> list[str]:
        """All that encodes a prompt."""
        return [part for part in self.parts if part.startswith(("text_encoder", "tokenizer"))]

    def remedy(self) -> str:
        """How to get the weights."""
        return (
            f"Get them with `{download(self.repository)} --local-dir FOLDER` and set `policy.weights: FOLDER`, "
            "or name another repository in diffusers' layout there."
        )


def locate(weights: str | None, published: Published) -> Path:
    """The folder of the weights: a folder as it is, a repository from the hub's cache or, where allowed, the hub.

    Raises WorkerError where there is neither, or where it is not the published pipeline.
    """
    name = weights if weights is not None else published.repository
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = from_hub(name, published)
    check(folder, published)
    return folder


def from_hub(name: str, published: Published) -> Path:
    """Downloads a repository, or finds it in the hub's cache."""
    if not REPOSITORY.fullmatch(name):
        raise WorkerError("policy/weights", f"There is no folder {name} with weights.", published.remedy())
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    patterns = ["model_index.json", *(f"{part}/*" for part in published.parts)]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        message = f"The weights of {published.title}, {name}, are not on this machine and the hub cannot be reached."
        remedy = f"Run `{download(name)}` where there is a network, or set `policy.weights` to a folder with them."
        raise WorkerError("policy/weights", message, remedy) from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        message = f"The weights of {published.title}, {name}, could not be downloaded: {first_line(error)}"
        raise WorkerError("policy/weights", message, published.remedy()) from error


def check(folder: Path, published: Published) -> None:
    """Raises WorkerError unless the folder holds all parts of the published pipeline."""
    index = read_json(folder / "model_index.json", published)
    found = index.get("_class_name")
    if found != published.pipeline:
        message = f"{folder} holds a {found}, not a {published.pipeline}, the pipeline of {published.title}."
        raise WorkerError("policy/weights", message, published.remedy())
    for part, expected in published.parts.items():
        if not (folder / part).is_dir():
            message = f"{folder} has no sub-folder {part}, which {published.title} needs."
            raise WorkerError("policy/weights", message, published.remedy())
        if expected is not None:
            known = part_config(folder, part, published)
            kind = known.get("_class_name") or next(iter(known.get("architectures") or []), None)
            if kind != expected:
                message = f"{folder / part} holds a {kind}, not a {expected}."
                raise WorkerError("policy/weights", message, published.remedy())


def read_json(file: Path, published: Published) -> dict[str, Any]:
    """A JSON object of the folder."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"{file.parent} is no part of a diffusers pipeline: it has no {file.name}."
        raise WorkerError("policy/weights", message, published.remedy()) from error
    except (OSError, ValueError) as error:
        message = f"{file} cannot be read: {error}."
        raise WorkerError("policy/weights", message, published.remedy()) from error
    if not isinstance(value, dict):
        raise WorkerError("policy/weights", f"{file} holds no JSON object.", published.remedy())
    return value


def part_config(folder: Path, part: str, published: Published) -> dict[str, Any]:
    """config.json of one part."""
    return read_json(folder / part / "config.json", published)


def require(condition: bool, folder: Path, message: str, published: Published) -> None:
    """Raises WorkerError about the weights unless the condition holds."""
    if not condition:
        raise WorkerError("policy/weights", f"{folder}: {message}", published.remedy())


def load_part(kind: Any, folder: Path, part: str, dtype: torch.dtype, published: Published) -> Any:
    """One part on the CPU in evaluation mode, its weights in `dtype` (but those that its class keeps in float32).

    The libraries give random numbers to a weight that the files lack; here it is an error.
    """
    with readable(folder / part, published):
        model, info = kind.from_pretrained(folder, subfolder=part, dtype=dtype, output_loading_info=True)
    missing = sorted([*info["missing_keys"], *(str(key) for key in info["mismatched_keys"])])
    names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    require(not missing, folder / part, f"the files lack weights, or have them in other shapes: {names}.", published)
    return model.eval()


@contextmanager
def readable(place: Path, published: Published) -> Iterator[None]:
    """Turns what the libraries raise about files that are missing, damaged or of other shapes into a WorkerError."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        # Out of memory is no fault of the files.
        if isinstance(error, torch.OutOfMemoryError):
            raise
        message = f"The weights in {place} cannot be loaded: {first_line(error)}"
        raise WorkerError("policy/weights", message, published.remedy()) from error


def first_line(error: Exception) -> str:
    """What went wrong, in a line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@contextmanager
def loaded_encoders(
    published: Published, folder: Path, options: ModelOptions, vae: Any
) -> Iterator[tuple[Any, torch.device]]:
    """The pipeline with its text encoders, and the device on which they are; their memory is freed on leaving.

    The encoders go to the options' device where they fit beside what is there; otherwise they stay on the CPU: slow,
    but once a prompt. The pipeline has no transformer, and asks the autoencoder for its sizes.
    """
    import diffusers
    import transformers

    loaded = {
        part: load_part(getattr(transformers, kind), folder, part, options.precision, published)
        for part, kind in published.encoders.items()
    }
    with readable(folder, published):
        pipeline = getattr(diffusers, published.pipeline).from_pretrained(
            folder, dtype=options.precision, transformer=None, vae=vae, **loaded
        )
    modules = list(loaded.values())
    place = encoder_device(modules, options.device)
    for module in modules:
        module.to(place)
    try:
        yield pipeline, place
    finally:
        for module in modules:
            # Whoever still holds the pipeline holds no memory.
            module.to("meta")
        del pipeline, modules, loaded
        gc.collect()
        if place.type == "cuda":
            torch.cuda.empty_cache()


def encoder_device(modules: list[torch.nn.Module], device: torch.device) -> torch.device:
    """`device` if it has memory for the modules and a quarter more, otherwise the CPU."""
    if device.type != "cuda":
        return device
    size = sum(tensor.numel() * tensor.element_size() for module in modules for tensor in module.state_dict().values())
    free, _ = torch.cuda.mem_get_info(device)
    return device if free > 1.25 * size else torch.device("cpu")


def latent_size(options: ModelOptions, temporal: int, spatial: int, patch: int, title: str) -> tuple[int, int, int]:
    """Frames, height and width of the latents of the wanted video.

    Raises WorkerError where the autoencoder's strides (`temporal`, `spatial`) and the transformer's patches do not
    divide it.
    """
    if options.frames < 1 or (options.frames - 1) % temporal != 0:
        below = max(options.frames - 1, 0) // temporal * temporal + 1
        message = f"{title} makes videos of {temporal}n + 1 frames, and sampling.frames is {options.frames}."
        remedy = f"Set sampling.frames to {below} or {below + temporal}."
        raise WorkerError("policy/video", message, remedy)
    stride = spatial * patch
    for key, size in (("height", options.height), ("width", options.width)):
        if size < stride or size % stride != 0:
            below = max(size // stride, 1) * stride
            message = f"{title} makes videos whose height and width are multiples of {stride}, and sampling.{key} is "
            raise WorkerError(
                "policy/video", f"{message}{size}.", f"Set sampling.{key} to {below} or {below + stride}."
            )
    return (options.frames - 1) // temporal + 1, options.height // spatial, options.width // spatial


def video_format(options: ModelOptions, frames_per_second: float) -> VideoFormat:
    """What the decoded videos are."""
    return VideoFormat(options.frames, options.height, options.width, frames_per_second)


def quiet() -> None:
    """No progress bars on stderr: its last lines are what a person reads when the worker died.

    Nor a warning that says nothing of this run: a released pipeline brings its guider, which diffusers has on trial.
    """
    import diffusers.utils.logging
    import transformers.utils.logging

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("diffusers.guiders.guider_utils").addFilter(_says_something)


def _says_something(record: logging.LogRecord) -> bool:
    return "Guiders are currently an experimental feature" not in record.getMessage()


def library_versions() -> dict[str, str]:
    """Versions of what computes the models."""
    import diffusers
    import peft
    import transformers

    return {
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "peft": peft.__version__,
    }
