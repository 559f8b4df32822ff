"""Several rewards as one, loaded by name from what the config says, and scored beside the sampling."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from sage_worker.errors import WorkerError
from sage_worker.models.base import VideoFormat
from sage_worker.rewards import load
from sage_worker.rewards.background import BackgroundScoring
from sage_worker.rewards.base import RewardModel, ScoredVideo, VideoToScore
from sage_worker.rewards.frames import as_bytes, evenly_spaced
from sage_worker.rewards.load import RewardOptions, load_rewards
from sage_worker.rewards.mix import Rewards
from sage_worker.wire.faults import fault_of
from tiny_clip import build_tiny_clip
from tiny_videoalign import build_tiny_videoalign

CPU = torch.device("cpu")
FORMAT = VideoFormat(frames=5, height=24, width=32, frames_per_second=8.0)
USERS = """def mine(video):
    if "secret" in video.prompt:
        raise ValueError("not this one")
    return len(video.prompt)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user has it: the config's, with weights and a function beside it."""
    folder = tmp_path_factory.mktemp("rewards")
    build_tiny_videoalign(folder)
    build_tiny_clip(folder / "clip")
    build_tiny_clip(folder / "pick", seed=1)
    (folder / "mine.py").write_text(USERS)
    return folder


def options(folder: Path, *models: str, python: str | None = None, held_out: tuple[str, ...] = ()) -> RewardOptions:
    checkpoints = {"videoalign": "VideoReward", "clipscore": "clip", "pickscore": str(folder / "pick")}
    return RewardOptions(models, folder, FORMAT, python, held_out, checkpoints)


def video(seed: int, prompt: str = "a cat", frames: int = 5) -> VideoToScore:
    pixels = torch.rand(frames, 24, 32, 3, generator=torch.Generator().manual_seed(seed))
    return VideoToScore(pixels, prompt, 8.0, f"video {seed}")


def test_a_mix_has_the_components_of_all(folder: Path) -> None:
    rewards = load_rewards(options(folder, "videoalign", "clipscore", python="mine.py:mine", held_out=("pickscore",)))
    assert rewards.components == ("VQ", "MQ", "TA", "clipscore", "python")
    assert rewards.held_out_components == ("pickscore",)
    [score] = rewards.score([video(1, "a long prompt of many letters")])
    assert score["scored"] and tuple(score["components"]) == rewards.components
    assert set(score["raw"]) == {"VQ", "MQ", "TA"} and score["raw"]["VQ"] != score["components"]["VQ"]
    assert set(score["heldOut"]) == {"pickscore"}
    cut = "the prompt's last 10 tokens were cut off: it reads 16"
    assert score["notes"] == [f"clipscore: {cut}", f"pickscore: {cut}"]
    said = {"videoalign", "videoalign prompt", "clipscore", "pickscore scale", "reward mine.py:mine"}
    assert said <= set(rewards.versions())


def test_a_video_that_one_reward_cannot_score_is_unscored(folder: Path) -> None:
    rewards = load_rewards(options(folder, "clipscore", python="mine.py:mine"))
    first, dropped, last = rewards.score([video(1), video(2, "a secret"), video(3)])
    assert first["scored"] and last["scored"]
    reason = "video 2: mine.py:mine raised ValueError: not this one (mine.py, line 3)"
    assert dropped == {"scored": False, "reason": reason}


def test_a_held_out_metric_that_fails_lacks_only_its_value(folder: Path) -> None:
    rewards = load_rewards(options(folder, "clipscore", held_out=("videoalign",)))
    whole, without = rewards.score([video(1), video(2, frames=1)])
    assert whole["scored"] and set(whole["heldOut"]) == {"VQ", "MQ", "TA"} and whole["notes"] == []
    assert whole["raw"] == {}, "raw is what the reward's own components were"
    assert without["scored"] and set(without["components"]) == {"clipscore"} and without["heldOut"] == {}
    assert without["notes"] == ["no VQ, MQ, TA: video 2: VideoAlign needs 2 frames at least, and it has 1"]


def test_a_metric_may_be_a_reward_and_held_out_at_once(folder: Path) -> None:
    rewards = load_rewards(options(folder, "clipscore", held_out=("clipscore",)))
    assert rewards.models == rewards.held_out
    [score] = rewards.score([video(1, "a long prompt of many letters")])
    assert score["heldOut"] == score["components"] and len(score["notes"]) == 1


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (torch.full((4, 8, 8, 3), float("nan")), "video: it has pixels that are not finite"),
        (torch.zeros(4, 3, 8, 8), "video: its pixels have the shape [4, 3, 8, 8], not [frames, height, width, 3]"),
        (torch.zeros(0, 8, 8, 3), "video: its shape is [0, 8, 8, 3]: there is nothing in it"),
    ],
)
def test_what_is_no_video_is_unscored(folder: Path, pixels: torch.Tensor, words: str) -> None:
    rewards = load_rewards(options(folder, python="mine.py:mine"))
    assert rewards.score([VideoToScore(pixels, "", 8.0, "video")]) == [{"scored": False, "reason": words}]


@pytest.mark.parametrize(
    ("models", "python", "code", "words"),
    [
        ((), None, "reward/none", "neither a model nor a Python function"),
        (("shapes-judge",), None, "reward/unknown", "shapes-judge is not a reward model of the worker"),
        (("videoalign",), "mine.py:also", "reward/components", "Both videoalign and mine.py:also give a component VQ"),
    ],
)
def test_a_mix_that_cannot_be_is_refused(
    folder: Path, models: tuple[str, ...], python: str | None, code: str, words: str
) -> None:
    (folder / "mine.py").write_text(USERS + "def also(video):\n    return {'VQ': 1}\n")
    with pytest.raises(WorkerError, match=words) as caught:
        load_rewards(options(folder, *models, python=python))
    assert caught.value.code == code


@pytest.mark.parametrize("model", ["videoalign", "clipscore", "pickscore"])
def test_a_misspelt_folder_is_no_snapshot_that_lacks(model: str, tmp_path: Path) -> None:
    (tmp_path / "va" / "VideoReward").mkdir(parents=True)

    def refusal(checkpoint: str) -> WorkerError:
        wanted = RewardOptions((model,), tmp_path, FORMAT, checkpoints={model: checkpoint})
        with pytest.raises(WorkerError) as caught:
            load_rewards(wanted)
        assert caught.value.code == "reward/weights"
        return caught.value

    written = f"Write `{model}: {tmp_path / 'va' / 'VideoReward'}` in reward.checkpoints, if that is meant. "
    typo = refusal("va/VideoRewart")
    assert typo.message.startswith(f"There is no folder va/VideoRewart in {tmp_path} with the weights of {model}, nor")
    assert "snapshot" not in typo.message
    assert typo.remedy.startswith(written) and "download" in typo.remedy
    assert refusal("./va/VideoRewart").remedy.startswith(written)
    assert "Write" not in refusal("va/something-else").remedy
    # Nothing beside the config begins so: a repository, which is not here.
    assert "va-org/VideoRewart" in refusal("va-org/VideoRewart").message


class Breaks:
    """A model that raises on a batch that holds a bad video, or a heavy one with others."""

    name = "breaks"
    components: tuple[str, ...] = ("x",)

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.batches: list[int] = []

    def score(self, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
        self.batches.append(len(videos))
        if any("bad" in video.prompt or ("heavy" in video.prompt and len(videos) > 1) for video in videos):
            raise self.error
        return [ScoredVideo(components={"x": 1.0}) for _ in videos]

    def versions(self) -> dict[str, str]:
        return {}


def test_a_model_that_breaks_on_a_batch_costs_only_the_video_at_fault() -> None:
    scores = Rewards([Breaks(RuntimeError("no such shape"))], []).score([video(1), video(2, "bad"), video(3)])
    assert [score["scored"] for score in scores] == [True, False, True]
    assert scores[1]["reason"] == "video 2: breaks failed with RuntimeError: no such shape"


MEMORY = (torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory"), MemoryError())


@pytest.mark.parametrize("error", MEMORY, ids=lambda error: type(error).__name__)
def test_a_batch_for_which_there_is_no_memory_is_scored_one_by_one(error: Exception) -> None:
    breaks = Breaks(error)
    scores = Rewards([breaks], []).score([video(1), video(2, "heavy"), video(3)])
    assert [score["scored"] for score in scores] == [True, True, True] and breaks.batches == [3, 1, 1, 1]


@pytest.mark.parametrize("error", MEMORY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("held_out", [False, True])
def test_a_video_for_which_there_is_no_memory_ends_the_scoring_with_advice(error: Exception, held_out: bool) -> None:
    """Without its videos that are long or large a group would shrink, and no one would know that it need not."""
    models = [Breaks(error)]
    scoring = BackgroundScoring(Rewards([], models) if held_out else Rewards(models, []), CPU)
    scoring.submit("r", 0, video(0))
    scoring.submit("r", 1, video(1, "bad"))
    with pytest.raises(MemoryError) as caught:
        scoring.collect("r", [0, 1])
    scoring.close()
    fault = fault_of(caught.value, 0, 1)
    assert (fault["code"], fault["kind"]) == ("worker/memory", "memory")
    assert fault["message"].startswith("breaks had too little for video 1 alone (")
    assert type(error).__name__ in fault["message"]
    for key in ("reward.model", "reward.held_out", "reward.python", "sampling.frames", "policy.devices"):
        assert key in fault["remedy"]


def test_a_reward_model_for_which_there_is_no_memory_is_no_defect(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(wanted: RewardOptions) -> RewardModel:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setitem(load._makers, "pickscore", full)
    with pytest.raises(MemoryError, match=r"^there was too little for pickscore \(OutOfMemoryError: CUDA") as caught:
        load_rewards(options(folder, "pickscore"))
    assert "reward.model" in fault_of(caught.value, 0, 1)["remedy"]


class Holds:
    """A model whose tensors of a batch it could not finish are in the way of the next try."""

    name = "holds"
    components: tuple[str, ...] = ("x",)

    def __init__(self) -> None:
        self.taken: list[weakref.ref[torch.Tensor]] = []

    def score(self, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
        assert all(tensor() is None for tensor in self.taken), "memory of the first try is still held"
        activations = torch.ones(8)
        self.taken.append(weakref.ref(activations))
        if len(videos) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [ScoredVideo(components={"x": 1.0}) for _ in videos]

    def versions(self) -> dict[str, str]:
        return {}


def test_what_a_batch_took_is_free_before_its_videos_are_tried_alone() -> None:
    assert [score["scored"] for score in Rewards([Holds()], []).score([video(1), video(2)])] == [True, True]


class Overflows:
    """A network whose numbers leave the range of its precision."""

    name = "overflows"
    components: tuple[str, ...] = ("y",)

    def score(self, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
        return [ScoredVideo(components={"y": float("nan") if "big" in video.prompt else 1.0}) for video in videos]

    def versions(self) -> dict[str, str]:
        return {}


def test_a_score_that_is_not_finite_is_none() -> None:
    videos = [video(1), video(2, "big")]
    _, spoilt = Rewards([Overflows()], []).score(videos)
    assert spoilt == {"scored": False, "reason": "video 2: a score is not finite (y nan)"}
    _, watched = Rewards([Breaks(RuntimeError())], [Overflows()]).score(videos)
    assert watched["scored"] and watched["heldOut"] == {}
    assert watched["notes"] == ["no y: video 2: a score is not finite (y nan)"]


# In the background.


def test_videos_are_scored_in_the_background_and_collected_by_index(folder: Path) -> None:
    rewards = load_rewards(options(folder, "videoalign", python="mine.py:mine"))
    scoring = BackgroundScoring(rewards, CPU)
    items = [video(seed, "a cat" + "!" * seed) for seed in range(5)]
    for i, item in enumerate(items):
        scoring.submit("r1", i, item)
    scores = scoring.collect("r1", [4, 0, 2])
    for score, expected in zip(scores, rewards.score([items[4], items[0], items[2]]), strict=True):
        assert score["components"] == pytest.approx(expected["components"], abs=1e-4)
    assert scoring.collect("r1", [4]) == scores[:1], "a score may be asked for again"
    scoring.release("r1")
    with pytest.raises(KeyError):
        scoring.collect("r1", [4])
    scoring.close()


class Gate:
    """A model that waits until it is let through, to see what happens meanwhile."""

    name = "gate"
    components: tuple[str, ...] = ("x",)

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()
        self.seen: list[str] = []

    def score(self, videos: Sequence[VideoToScore]) -> list[ScoredVideo]:
        self.entered.set()
        assert self.open.wait(60)
        self.seen += [video.name for video in videos]
        if any("fatal" in video.prompt for video in videos):
            raise WorkerError("reward/python", "It cannot work at all.", "Mend it.")
        return [ScoredVideo(components={"x": 1.0}) for _ in videos]

    def versions(self) -> dict[str, str]:
        return {}


def test_released_videos_that_still_wait_are_not_scored() -> None:
    gate = Gate()
    scoring = BackgroundScoring(Rewards([gate], []), CPU)
    scoring.submit("old", 0, video(0))
    assert gate.entered.wait(60)
    scoring.submit("old", 1, video(1))
    scoring.submit("new", 0, video(2))
    scoring.release("old")
    gate.open.set()
    assert scoring.collect("new", [0])[0]["scored"]
    assert gate.seen == ["video 0", "video 2"]
    scoring.close()


def test_what_makes_all_scoring_impossible_reaches_the_collector_and_the_thread_lives() -> None:
    gate = Gate()
    gate.open.set()
    scoring = BackgroundScoring(Rewards([gate], []), CPU)
    scoring.submit("r", 0, video(0, "fatal"))
    with pytest.raises(WorkerError, match="cannot work at all"):
        scoring.collect("r", [0])
    scoring.submit("r", 1, video(1))
    assert scoring.collect("r", [1])[0]["scored"]
    scoring.close()


def test_pixels_are_let_go_once_scored() -> None:
    gate = Gate()
    gate.open.set()
    scoring = BackgroundScoring(Rewards([gate], []), CPU)
    item = video(0)
    pixels = weakref.ref(item.pixels)
    scoring.submit("r", 0, item)
    scoring.collect("r", [0])
    del item
    scoring.close()
    assert pixels() is None
    assert len(scoring.collect("r", [0])) == 1


def test_frames_are_chosen_evenly_with_first_and_last() -> None:
    assert evenly_spaced(81, 6) == [0, 16, 32, 48, 64, 80]
    assert evenly_spaced(9, 8) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert evenly_spaced(3, 8) == [0, 1, 2]
    assert evenly_spaced(5, 1) == [0]


def test_floats_become_the_nearest_bytes() -> None:
    levels = torch.tensor([0.0, 0.5, 1.0, 1.2, -0.1, 0.999])
    assert as_bytes(levels).tolist() == [0, 128, 255, 255, 0, 255]
    assert as_bytes(torch.arange(4, dtype=torch.uint8)).tolist() == [0, 1, 2, 3]
