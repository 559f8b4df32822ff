"""Several reward models and held-out metrics as one: what each says of a video, in one record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

from sage_worker.errors import WorkerError
from sage_worker.memory import OutOfMemory, is_memory
from sage_worker.rewards.base import RewardModel, ScoredVideo, VideoToScore
from sage_worker.rewards.frames import fault_of

less_memory = (
    "Let scoring take less: fewer sampling.frames or pixels, a smaller reward.model (clipscore is the smallest) or "
    "one in place of several, no reward.held_out, fewer frames in a reward.python of your own. Or leave it more: "
    "policy.adapter.kind: lora, or more policy.devices, over which the weights are spread. Then resume the run."
)


class Score(TypedDict, total=False):
    """A video's score as it goes to the trainer, with JSON's names; `reason` alone where `scored` is false."""

    scored: bool
    components: dict[str, float]
    raw: dict[str, float]
    heldOut: dict[str, float]
    notes: list[str]
    reason: str


class Rewards:
    """Reward models, all of which must score a video, and held-out metrics, which may fail."""

    def __init__(self, models: Sequence[RewardModel], held_out: Sequence[RewardModel]) -> None:
        """A metric that is both in `models` and in `held_out` (the same object) scores a video once."""
        self.models = tuple(models)
        self.held_out = tuple(held_out)
        self.components = _distinct(self.models)
        self.held_out_components = _distinct(self.held_out)

    def score(self, videos: Sequence[VideoToScore]) -> list[Score]:
        """One score a video, in order. A video that one reward model cannot score is unscored, and seen by no other."""
        reasons: dict[int, str] = {}
        for i, video in enumerate(videos):
            fault = fault_of(video.pixels)
            if fault is not None:
                reasons[i] = f"{video.name}: {fault}"
        results: dict[RewardModel, dict[int, ScoredVideo]] = {}
        for model in (*self.models, *self.held_out):
            if model in results:
                continue
            alive = [i for i in range(len(videos)) if i not in reasons]
            answers = score_each(model, [videos[i] for i in alive])
            results[model] = {i: _finite(answer, videos[i]) for i, answer in zip(alive, answers, strict=True)}
            if model in self.models:
                reasons.update({i: a.reason for i, a in results[model].items() if a.reason is not None})
        return [self._merge(i, reasons.get(i), results) for i in range(len(videos))]

    def versions(self) -> dict[str, str]:
        """Versions of everything that scores."""
        return {key: value for model in (*self.models, *self.held_out) for key, value in model.versions().items()}

    def _merge(self, i: int, reason: str | None, results: dict[RewardModel, dict[int, ScoredVideo]]) -> Score:
        if reason is not None:
            return {"scored": False, "reason": reason}
        score: Score = {"scored": True, "components": {}, "raw": {}, "heldOut": {}, "notes": []}
        for model in self.models:
            score["components"].update(results[model][i].components)
            score["raw"].update(results[model][i].raw)
        for model in self.held_out:
            answer = results[model][i]
            if answer.reason is None:
                score["heldOut"].update(answer.components)
            else:
                score["notes"].append(f"no {', '.join(model.components)}: {answer.reason}")
        for model, answers in results.items():
            score["notes"].extend(f"{model.name}: {note}" for note in answers[i].notes)
        return score


def score_each(model: RewardModel, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
    """What a model says of some videos. Where it breaks on them together, each is tried alone: one costs not all.

    Raises OutOfMemory where memory is too small for one video alone: the next of its size would fare no better.
    """
    if not videos:
        return []
    try:
        return model.score(videos)
    except WorkerError:
        raise
    except Exception as error:
        if len(videos) == 1:
            words = f"{type(error).__name__}: {error}"
            if is_memory(error):
                message = f"{model.name} had too little for {videos[0].name} alone ({words})"
                raise OutOfMemory(message, less_memory) from error
            return [ScoredVideo(reason=f"{videos[0].name}: {model.name} failed with {words}")]
    # Not before the error is forgotten, whose frames hold what the batch took of the memory.
    return [score_each(model, [video])[0] for video in videos]


def _finite(answer: ScoredVideo, video: VideoToScore) -> ScoredVideo:
    """The answer, or that it is none: NaN would spoil the whole group's mean, and JSON has no word for it."""
    wrong = {name: value for name, value in answer.components.items() if not math.isfinite(value)}
    if not wrong:
        return answer
    words = ", ".join(f"{name} {value}" for name, value in wrong.items())
    return ScoredVideo(reason=f"{video.name}: a score is not finite ({words})")


def _distinct(models: Sequence[RewardModel]) -> tuple[str, ...]:
    owners: dict[str, str] = {}
    for model in models:
        for component in model.components:
            if component in owners:
                message = f"Both {owners[component]} and {model.name} give a component {component}."
                raise WorkerError("reward/components", message, "Rename one in your own function, or leave one out.")
            owners[component] = model.name
    return tuple(owners)
