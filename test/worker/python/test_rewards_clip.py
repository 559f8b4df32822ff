"""CLIPScore and PickScore: by their formulas, over evenly spaced frames, and open about a prompt that was cut."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_clip import LENGTH, build_tiny_clip
from torch import Tensor
from transformers import CLIPModel, CLIPTokenizer

from sage_worker.errors import WorkerError
from sage_worker.rewards.base import RewardModel, VideoToScore
from sage_worker.rewards.clipscore import load_clipscore
from sage_worker.rewards.pickscore import load_pickscore

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clip")


@pytest.fixture(scope="module")
def clip(folder: Path) -> CLIPModel:
    return build_tiny_clip(folder)


@pytest.fixture(scope="module")
def clipscore(folder: Path, clip: CLIPModel) -> RewardModel:
    return load_clipscore(str(folder), Path("/"), CPU, torch.float32)


@pytest.fixture(scope="module")
def pickscore(folder: Path, clip: CLIPModel) -> RewardModel:
    return load_pickscore(str(folder), Path("/"), CPU, torch.float32)


def video(seed: int, prompt: str, frames: int = 20, height: int = 40, width: int = 60) -> VideoToScore:
    pixels = torch.rand(frames, height, width, 3, generator=torch.Generator().manual_seed(seed))
    return VideoToScore((pixels * 255).to(torch.uint8), prompt, 8.0, f"video {seed}")


@torch.no_grad()
def cosines(clip: CLIPModel, folder: Path, item: VideoToScore, chosen: list[int]) -> list[float]:
    """Cosines of the chosen frames, each by itself, prepared with Pillow alone."""
    tokens = CLIPTokenizer.from_pretrained(folder)(item.prompt, truncation=True, max_length=LENGTH, return_tensors="pt")
    text = clip.text_projection(clip.text_model(**tokens).pooler_output)[0]
    results = []
    for i in chosen:
        image = clip.visual_projection(clip.vision_model(prepared(item.pixels[i])[None]).pooler_output)[0]
        results.append((image @ text / image.norm() / text.norm()).item())
    return results


def prepared(frame: Tensor) -> Tensor:
    """The shorter edge to 28, the middle 28x28, normalised, of a frame [H, W, 3]."""
    height, width, _ = frame.shape
    scale = 28 / min(height, width)
    small = Image.fromarray(frame.numpy()).resize((int(width * scale), int(height * scale)), Image.Resampling.BICUBIC)
    left, top = (small.width - 28) // 2, (small.height - 28) // 2
    values = np.asarray(small.crop((left, top, left + 28, top + 28)), dtype=np.float32) / 255
    values = (values - [0.48145466, 0.4578275, 0.40821073]) / [0.26862954, 0.26130258, 0.27577711]
    return torch.tensor(values, dtype=torch.float32).permute(2, 0, 1)


# 8 of 20 frames, first and last among them.
CHOSEN = [0, 3, 5, 8, 11, 14, 16, 19]


def test_clipscore_is_the_mean_of_100_cosines_never_below_zero(
    clip: CLIPModel, folder: Path, clipscore: RewardModel
) -> None:
    items = [video(seed, prompt) for seed in (1, 2) for prompt in ("a cat", "a dog", "rain", "snow")]
    expected = [[100 * c for c in cosines(clip, folder, item, CHOSEN)] for item in items]
    scores = [score.components["clipscore"] for score in clipscore.score(items)]
    assert scores == pytest.approx([sum(max(c, 0) for c in row) / 8 for row in expected], abs=1e-3)
    assert any(c < 0 for row in expected for c in row), "none of these would be below zero"


def test_pickscore_is_the_mean_of_scaled_cosines(clip: CLIPModel, folder: Path, pickscore: RewardModel) -> None:
    items = [video(seed, prompt) for seed in (1, 2) for prompt in ("a cat", "a dog", "rain", "snow")]
    scale = torch.tensor(4.6052).exp().item()
    expected = [scale * sum(cosines(clip, folder, item, CHOSEN)) / 8 for item in items]
    assert [score.components["pickscore"] for score in pickscore.score(items)] == pytest.approx(expected, abs=1e-3)
    assert min(expected) < 0, "a negative score stays negative"


def test_a_short_video_is_looked_at_whole(clip: CLIPModel, folder: Path, pickscore: RewardModel) -> None:
    item = video(3, "a cat", frames=3)
    expected = torch.tensor(4.6052).exp().item() * sum(cosines(clip, folder, item, [0, 1, 2])) / 3
    assert pickscore.score([item])[0].components["pickscore"] == pytest.approx(expected, abs=1e-3)


def test_a_prompt_that_is_cut_is_said_to_be(pickscore: RewardModel, clipscore: RewardModel) -> None:
    short, long = "a cat", "abcdefgh" * 3
    # Letters are tokens here: 24 and the two marks, of which 16 are read.
    for metric in (pickscore, clipscore):
        first, second = metric.score([video(1, short), video(1, long)])
        assert first.notes == ()
        assert second.notes == (f"the prompt's last 10 tokens were cut off: it reads {LENGTH}",)
        assert metric.score([video(1, long + "x")])[0].components == pytest.approx(second.components, abs=1e-4)


def test_a_score_does_not_depend_on_its_company(pickscore: RewardModel) -> None:
    items = [video(1, "a cat"), video(2, "rain on it", frames=5), video(3, "x", frames=30, height=90)]
    for item, together in zip(items, pickscore.score(items), strict=True):
        assert pickscore.score([item])[0].components == pytest.approx(together.components, abs=1e-3)


def test_bfloat16_keeps_pickscores_scale(folder: Path, pickscore: RewardModel) -> None:
    half = load_pickscore(str(folder), Path("/"), CPU, torch.bfloat16)
    assert half.versions()["pickscore scale"] == pickscore.versions()["pickscore scale"]
    assert "mean of 100 cos over 8 evenly spaced frames" in half.versions()["pickscore scale"]
    [near], [exact] = half.score([video(1, "a cat")]), pickscore.score([video(1, "a cat")])
    assert near.components["pickscore"] == pytest.approx(exact.components["pickscore"], abs=3)
    assert near.components != exact.components


def test_provenance_says_what_a_number_means(clipscore: RewardModel, folder: Path) -> None:
    assert clipscore.versions() == {
        "clipscore": f"{folder}, torch.float32",
        "clipscore scale": "mean of max(100 cos, 0) over 8 evenly spaced frames",
    }


@pytest.mark.parametrize(
    ("load", "name", "repository"),
    [
        (load_clipscore, "clipscore", "openai/clip-vit-large-patch14"),
        (load_pickscore, "pickscore", "yuvalkirstain/PickScore_v1"),
    ],
)
def test_missing_weights_say_what_to_fetch(load, name: str, repository: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for checkpoint in (None, "./nowhere"):
        with pytest.raises(WorkerError) as caught:
            load(checkpoint, tmp_path, CPU, torch.float32)
        assert caught.value.code == "reward/weights" and name in caught.value.message
        assert f"hf download {repository}" in caught.value.remedy and f"`{name}: FOLDER`" in caught.value.remedy


def test_pickscore_without_a_tokenizer_asks_for_laions(folder: Path, clip: CLIPModel, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare, ignore=shutil.ignore_patterns("tokenizer*", "vocab*", "merges*"))
    with pytest.raises(WorkerError, match=r"hf download laion/CLIP-ViT-H-14-laion2B-s32B-b79K"):
        load_pickscore("bare", tmp_path, CPU, torch.float32)
