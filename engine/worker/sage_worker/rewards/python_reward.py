"""A user's own reward: `reward.python: "my_rewards.py:score"` (docs/rewards.md)."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from sage_worker.errors import WorkerError
from sage_worker.memory import is_memory
from sage_worker.models.base import VideoFormat
from sage_worker.rewards.base import ScoredVideo, VideoToScore
from sage_worker.rewards.frames import as_bytes

only_component = "python"
"""Name of the component of a function that returns a number, as the config weighs it."""

_RAISED = (Exception, SystemExit)
"""What a user's file may raise: `sys.exit` in it must not end the worker."""

signature_help = "Write it as `def score(video) -> float`, or with `dict[str, float]`, or `def score(videos)` for many."


@dataclass(frozen=True)
class Video:
    """What a user's reward sees of one video."""

    pixels: np.ndarray
    """uint8 [frames, height, width, 3], RGB."""
    prompt: str
    frames_per_second: float
    name: str
    """How messages name the video."""


class PythonReward:
    """Calls a user's function; what it raises or returns wrongly drops that video, with a message that names it."""

    def __init__(self, spec: str, base_folder: Path, trial: VideoFormat) -> None:
        """Imports the function and scores one made-up video of the format `trial`, to know its components.

        A function with an attribute `components`, a tuple of names, is not tried. Raises WorkerError.
        """
        self.name = spec
        self.file, name = _split(spec, base_folder)
        self.function = _find(_import(self.file), name, spec)
        self.takes_many = _takes_many(self.function, spec)
        declared = getattr(self.function, "components", None)
        self.components: tuple[str, ...] = self._try(trial) if declared is None else _names(declared, spec)

    def score(self, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
        """Scores of the videos, each by itself where the function takes one, together where it takes many."""
        shown = [Video(as_bytes(v.pixels).numpy(), v.prompt, v.frames_per_second, v.name) for v in videos]
        if self.takes_many and len(shown) > 1:
            try:
                results = self._call(shown)
            except _RAISED:
                # One of them may be at fault: alone, it drops itself and not the others.
                results = None
            if results is not None:
                return [self._read(result, video) for result, video in zip(results, shown, strict=True)]
        return [self._one(video) for video in shown]

    def versions(self) -> dict[str, str]:
        """The file's SHA-256: which text of the function scored the run."""
        return {f"reward {self.name}": f"sha256 {hashlib.sha256(self.file.read_bytes()).hexdigest()}"}

    def _call(self, videos: list[Video]) -> list[Any]:
        """What the function says, one result a video. Raises what it raises, and _WrongReturnError."""
        if not self.takes_many:
            return [self.function(video) for video in videos]
        results = self.function(videos)
        if isinstance(results, torch.Tensor | np.ndarray):
            results = results.tolist()
        if not isinstance(results, list | tuple) or len(results) != len(videos):
            raise _WrongReturnError(f"returned {_shape_of(results)}, not a list with a score for each video")
        return list(results)

    def _one(self, video: Video) -> ScoredVideo:
        try:
            result = self._call([video])[0]
        except _WrongReturnError as error:
            return ScoredVideo(reason=f"{video.name}: {self.name} {error}")
        except _RAISED as error:
            if is_memory(error):
                raise
            return ScoredVideo(reason=f"{video.name}: {self.name} raised {described(error, self.file)}")
        return self._read(result, video)

    def _read(self, result: Any, video: Video) -> ScoredVideo:
        components, reason = read_result(result)
        if reason is None and set(components) != set(self.components):
            reason = f"returned the components {sorted(components)}, and not {sorted(self.components)} as at first"
        if reason is not None:
            return ScoredVideo(reason=f"{video.name}: {self.name} {reason}")
        return ScoredVideo(components={name: components[name] for name in self.components})

    def _try(self, trial: VideoFormat) -> tuple[str, ...]:
        """Components of one made-up video: a ramp of grey that moves, so that no statistic of it is degenerate."""
        ramp = torch.arange(trial.width)[None, None, :, None] + 2 * torch.arange(trial.frames)[:, None, None, None]
        height_ramp = torch.arange(trial.height)[None, :, None, None]
        pixels = ((ramp * 3 + height_ramp) % 256).to(torch.uint8).expand(-1, -1, -1, 3).contiguous()
        video = Video(pixels.numpy(), "a video that tries the reward", trial.frames_per_second, "a made-up video")
        try:
            result = self._call([video])[0]
        except _WrongReturnError as error:
            raise WorkerError("reward/python", f"{self.name} {error}.", signature_help) from error
        except _RAISED as error:
            raise WorkerError(
                "reward/python",
                f"{self.name} raised {described(error, self.file)} for a made-up video of {trial.frames} frames.",
                "Mend it; or, if it cannot score a made-up video, name its components beside it, "
                f"e.g. `{self.function.__name__}.components = ('{only_component}',)`, and it is not tried.",
            ) from error
        components, reason = read_result(result)
        if reason is not None:
            raise WorkerError("reward/python", f"{self.name} {reason} for a made-up video.", signature_help)
        return tuple(components)


class _WrongReturnError(Exception):
    """The function returned something other than one result a video; the words follow its name."""


def read_result(result: Any) -> tuple[dict[str, float], str | None]:
    """Components of what a function returned, a number being the one component `python`; or what is wrong."""
    named = result if isinstance(result, Mapping) else {only_component: result}
    if not named:
        return {}, "returned an empty dict"
    components: dict[str, float] = {}
    for key, value in named.items():
        if not isinstance(key, str):
            return {}, f"returned a dict with the key {key!r}, which is not a string"
        number = _number(value)
        if number is None:
            where = f" in {key!r}" if isinstance(result, Mapping) else ""
            return {}, f"returned {_shape_of(value)}{where}: it must be a number"
        if not math.isfinite(number):
            where = f" for {key!r}" if isinstance(result, Mapping) else ""
            return {}, f"returned {number}{where}, which is not finite"
        components[key] = number
    return components, None


def described(error: BaseException, file: Path) -> str:
    """An exception in one line: its type, its words, and the innermost line of `file` that it passed."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
    if isinstance(error, SyntaxError) and error.filename == str(file):
        lines.append(error.lineno)
    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{words} ({file.name}, line {lines[-1]})" if lines else words


def _number(value: Any) -> float | None:
    if isinstance(value, bool | np.bool_ | str | bytes):
        return None
    if isinstance(value, torch.Tensor | np.ndarray) and (value.ndim > 0 or value.dtype in (torch.bool, np.bool_)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _shape_of(value: Any) -> str:
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"an array of shape {list(value.shape)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def _split(spec: str, base_folder: Path) -> tuple[Path, str]:
    # From the right: a drive's colon (C:\rewards.py:score) comes first.
    path, colon, name = spec.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        message = f"reward.python is {spec!r}, which names no function in a file."
        raise WorkerError("reward/python", message, 'Write the file and the function, as in "my_rewards.py:score".')
    file = (base_folder / path).resolve()
    if not file.is_file():
        remedy = "Paths are taken from the config's folder; examples/my_rewards.py is one to begin with."
        raise WorkerError("reward/python", f"reward.python names {file}, which does not exist.", remedy)
    return file, name


def _import(file: Path) -> ModuleType:
    """The module of a file, which may import its neighbours."""
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise WorkerError("reward/python", f"{file} cannot be imported as a module.", "Give it the ending .py.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickling look a module up by its name; one that is there already keeps it.
    sys.modules.setdefault(file.stem, module)
    # The folder is the user's: nothing is left in it.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except _RAISED as error:
        message = f"{file.name} could not be imported: {described(error, file)}."
        remedy = "What it imports must be installed in the worker's Python environment."
        raise WorkerError("reward/python", message, remedy) from error
    finally:
        sys.dont_write_bytecode = writes
    return module


def _find(module: ModuleType, name: str, spec: str) -> Callable[..., Any]:
    function = getattr(module, name, None)
    if callable(function):
        return function  # type: ignore[no-any-return]
    there = [n for n, value in vars(module).items() if inspect.isfunction(value) and not n.startswith("_")]
    found = f"it has {', '.join(there)}" if there else "it has no function"
    problem = "is not a function" if hasattr(module, name) else "does not exist"
    raise WorkerError("reward/python", f"{spec}: {name} {problem} ({found}).", signature_help)


def _takes_many(function: Callable[..., Any], spec: str) -> bool:
    """Whether the function's one parameter is `videos`, and not `video`."""
    needed = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    names = [p.name for p in needed if p.kind is not p.KEYWORD_ONLY]
    if len(needed) == 1 and names in (["video"], ["videos"]):
        return names == ["videos"]
    shown = f"({', '.join(p.name for p in needed)})"
    message = f"{spec} takes {shown}: it must take one parameter, `video`, or `videos` for a list of them."
    raise WorkerError("reward/python", message, signature_help)


def _names(declared: Any, spec: str) -> tuple[str, ...]:
    if isinstance(declared, list | tuple) and declared and all(isinstance(name, str) for name in declared):
        return tuple(declared)
    message = f"The attribute `components` of {spec} is {declared!r}, not a tuple of names."
    remedy = f"Write e.g. `score.components = ('{only_component}',)` below the function."
    raise WorkerError("reward/python", message, remedy)
