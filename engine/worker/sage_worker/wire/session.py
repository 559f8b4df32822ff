"""What one rank does about each message, between `init` and `close`."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from sage_worker.models.base import ModelOptions, VideoModel
from sage_worker.requests import OptimStepRequest, RolloutRequest
from sage_worker.wire.faults import Fault, fault_of
from sage_worker.wire.fields import Fields, MessageFault, camel, read
from sage_worker.wire.messages import InitRequest, RewardRequest, VideoFile, read_forward_backward
from sage_worker.wire.ranks import Crew

if TYPE_CHECKING:
    from sage_worker.policy import TorchPolicy
    from sage_worker.requests import SampleSpec
    from sage_worker.rewards.background import BackgroundScoring

Result = dict[str, Any]
OnProgress = Callable[[str, int, int], None]


class Session:
    """The policy of one run on this rank, its videos, and what scores and writes them."""

    def __init__(self, crew: Crew, device: torch.device) -> None:
        self._crew = crew
        self._device = device
        self._scratch: Path | None = None
        self._policy: TorchPolicy | None = None
        self._scoring: BackgroundScoring | None = None
        self._frames_per_second = 0.0
        self._prompts: dict[str, list[str]] = {}
        # By rollout and sample: [F, H, W, 3] on the CPU, of the samples that this rank has.
        self._videos: dict[str, dict[int, Tensor]] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="videos")
        self._written: list[tuple[VideoFile, Future[None]]] = []
        self._ops: dict[str, Callable[[Fields, OnProgress], Result]] = {
            "init": self._init,
            "encodePrompts": self._encode_prompts,
            "rollout": self._rollout,
            "fetch": self._fetch,
            "score": self._score,
            "write": self._write,
            "drain": self._drain,
            "forwardBackward": self._forward_backward,
            "optimStep": self._optim_step,
            "setAnchor": self._set_anchor,
            "release": self._release,
            "saveState": self._save_state,
            "loadState": self._load_state,
        }

    @property
    def scratch(self) -> Path | None:
        """Folder of the files that only cross to the trainer; known after `init`."""
        return self._scratch

    def act(self, op: str, fields: Fields, progress: OnProgress) -> Result:
        """Does what a message asks; raises what went wrong."""
        handler = self._ops.get(op)
        if handler is None:
            raise MessageFault(f"there is no op {op!r}")
        if op != "init" and self._policy is None:
            raise MessageFault(f"{op} came before init")
        return handler(fields, progress)

    def _init(self, fields: Fields, progress: OnProgress) -> Result:
        if self._policy is not None:
            raise MessageFault("init came twice")
        # Imported late: what is not needed to say hello must not stand in its way.
        from sage_worker.policy import Adapter, PolicyOptions, TorchPolicy
        from sage_worker.random_states import seed_all

        request = read(InitRequest, fields)
        self._scratch = request.scratch
        # What draws without a generator of its own draws the same in every run of this seed.
        seed_all(request.seed)
        model = load_video_model(request, self._device)
        wanted = request.adapter
        adapter = None if wanted.kind == "none" else Adapter(rank=wanted.rank, alpha=wanted.alpha)
        self._frames_per_second = model.format.frames_per_second
        self._policy = TorchPolicy(
            model,
            PolicyOptions(
                adapter=adapter,
                precision=precision_of(request),
                rows=request.rows_per_pass,
                activation_checkpointing=request.activation_checkpointing,
                seed=request.seed,
                offload_anchor=request.offload_anchor,
            ),
            self._crew.group,
        )
        description = {**self._policy.describe(), "reward": None}
        if request.reward is not None:
            description["reward"] = self._init_reward(request.reward, model, request)
        return description

    def _init_reward(self, wanted: RewardRequest, model: VideoModel, request: InitRequest) -> Result:
        from sage_worker.rewards.background import BackgroundScoring
        from sage_worker.rewards.load import RewardOptions, load_rewards

        rewards = load_rewards(
            RewardOptions(
                models=wanted.models,
                base_folder=wanted.base,
                video=model.format,
                python=wanted.python,
                held_out=wanted.held_out,
                checkpoints=wanted.checkpoints,
                device=self._device,
                precision=precision_of(request),
                cache=request.cache,
            )
        )
        self._scoring = BackgroundScoring(rewards, self._device)
        return {
            "components": list(rewards.components),
            "heldOut": list(rewards.held_out_components),
            "versions": rewards.versions(),
        }

    @property
    def _ready(self) -> TorchPolicy:
        if self._policy is None:
            raise MessageFault("init has not come")
        return self._policy

    def _encode_prompts(self, fields: Fields, progress: OnProgress) -> Result:
        self._ready.encode_prompts(fields.texts("prompts"))
        return {}

    def _rollout(self, fields: Fields, progress: OnProgress) -> Result:
        request = read(RolloutRequest, fields)
        videos: dict[int, Tensor] = {}
        # Known before the first is decoded, so that a rollout that fails halfway is released like any other.
        self._videos[request.handle] = videos

        def on_videos(samples: list[int], pixels: Tensor) -> None:
            for sample, video in zip(samples, pixels, strict=True):
                videos[sample] = video
                if self._scoring is not None:
                    self._submit(request.handle, sample, video, request.samples[sample])

        result = self._ready.rollout(request, on_videos, progress)
        return {
            "logProbs": result.log_probs,
            "seconds": {"sample": result.sample_seconds, "decode": result.decode_seconds},
        }

    def _submit(self, handle: str, index: int, video: Tensor, sample: SampleSpec) -> None:
        from sage_worker.rewards.base import VideoToScore

        assert self._scoring is not None
        # As the run's folder names its file.
        name = f"p{sample.key.prompt:02}-g{sample.key.generation} of {quoted(sample.prompt)}"
        self._scoring.submit(handle, index, VideoToScore(video, sample.prompt, self._frames_per_second, name))

    def _own(self, handle: str) -> dict[int, Tensor]:
        videos = self._videos.get(handle)
        if videos is None:
            raise MessageFault(f"there is no rollout {handle}")
        return videos

    def _fetch(self, fields: Fields, progress: OnProgress) -> Result:
        handle = fields.text("handle")
        videos = self._own(handle)
        if not videos or self._scratch is None:
            return {"files": []}
        samples = sorted(videos)
        pixels = torch.stack([as_floats(videos[sample]) for sample in samples])
        file = self._scratch / f"{handle}-{self._crew.ranks.rank}.safetensors"
        save_file({"pixels": pixels, "samples": torch.tensor(samples)}, file)
        return {"files": [str(file)]}

    def _score(self, fields: Fields, progress: OnProgress) -> Result:
        handle, samples = fields.text("handle"), fields.wholes("samples")
        if self._scoring is None:
            raise MessageFault("the run has no reward in the worker")
        own = [sample for sample in samples if sample in self._own(handle)]
        scores = self._scoring.collect(handle, own)
        return {"scores": [{"sample": sample, **score} for sample, score in zip(own, scores, strict=True)]}

    def _write(self, fields: Fields, progress: OnProgress) -> Result:
        from sage_worker.video import write_video

        videos = self._own(fields.text("handle"))
        quality = fields.whole("quality", 1)
        for job in fields.each("jobs", partial(read, VideoFile)):
            if job.sample in videos:
                args = (videos[job.sample], job.file, job.poster, job.scale, quality, self._frames_per_second)
                self._written.append((job, self._writer.submit(write_video, *args)))
        return {}

    def _drain(self, fields: Fields, progress: OnProgress) -> Result:
        faults: list[Fault] = []
        waiting, self._written = self._written, []
        for job, done in waiting:
            error = done.exception()
            if error is not None:
                faults.append({"file": str(job.file), **fault_of(error, 0, 1)})
        return {"faults": faults}

    def _forward_backward(self, fields: Fields, progress: OnProgress) -> Result:
        results = self._ready.forward_backward(read_forward_backward(fields))
        return {"replays": [in_json(asdict(result)) for result in results]}

    def _optim_step(self, fields: Fields, progress: OnProgress) -> Result:
        return in_json(asdict(self._ready.optim_step(read(OptimStepRequest, fields))))

    def _set_anchor(self, fields: Fields, progress: OnProgress) -> Result:
        self._ready.set_anchor()
        return {}

    def _release(self, fields: Fields, progress: OnProgress) -> Result:
        handle = fields.text("handle")
        if self._videos.pop(handle, None) is None:
            return {}
        self._ready.release(handle)
        if self._scoring is not None:
            self._scoring.release(handle)
        return {}

    def _save_state(self, fields: Fields, progress: OnProgress) -> Result:
        return {"files": self._ready.save_state(Path(fields.text("folder")))}

    def _load_state(self, fields: Fields, progress: OnProgress) -> Result:
        self._ready.load_state(Path(fields.text("folder")))
        return {}


def quoted(prompt: str) -> str:
    """A prompt, or its beginning, in a message."""
    return f'"{textwrap.shorten(prompt, 60, placeholder="...")}"'


def merge(op: str, results: list[Result]) -> Result:
    """The results of all ranks as one: lists of what each rank has alone are joined, all else is rank 0's."""
    merged = dict(results[0])
    joined = {"fetch": "files", "score": "scores", "drain": "faults"}.get(op)
    if joined is not None:
        merged[joined] = [item for result in results for item in result[joined]]
    if op == "saveState":
        merged["files"] = list(dict.fromkeys(file for result in results for file in result["files"]))
    return merged


def load_video_model(request: InitRequest, device: torch.device) -> VideoModel:
    """The generator that a run trains."""
    from sage_worker.models.load import load_model

    options = ModelOptions(
        weights=request.weights,
        frames=request.sampling.frames,
        height=request.sampling.height,
        width=request.sampling.width,
        precision=precision_of(request),
        cache=request.cache,
        device=device,
        guidance_batching=request.guidance_batching,
        rows_per_pass=request.rows_per_pass,
    )
    return load_model(request.model, options)


def precision_of(request: InitRequest) -> torch.dtype:
    """Of weights and activations in a forward pass."""
    return torch.bfloat16 if request.precision == "bf16" else torch.float32


def as_floats(video: Tensor) -> Tensor:
    """Pixels in [0, 1] as float32."""
    return video.float() / 255 if video.dtype == torch.uint8 else video.float()


def in_json(record: dict[str, Any]) -> Result:
    """The fields of a record by JSON's names."""
    return {camel(name): value for name, value in record.items()}
