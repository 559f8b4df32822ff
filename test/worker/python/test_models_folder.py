"""What a person reads when weights or video do not fit: where, why, and what to do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sage_worker.errors import WorkerError
from sage_worker.models.base import ModelOptions
from sage_worker.models.load import load_model
from tiny import HUNYUAN_VIDEO, plain_options, write_hunyuan_video, write_wan


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {"hunyuan-video-1.5": write_hunyuan_video(root / "hunyuan"), "wan-2.1": write_wan(root / "wan")}


@pytest.fixture
def options(tmp_path: Path) -> ModelOptions:
    return plain_options(None, HUNYUAN_VIDEO, tmp_path / "prompts")


def refusal(name: str, options: ModelOptions) -> WorkerError:
    with pytest.raises(WorkerError) as caught:
        load_model(name, options)
    assert caught.value.remedy
    return caught.value


def change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_an_unknown_model_is_told_the_known_ones(options: ModelOptions) -> None:
    error = refusal("sora", options)
    assert error.code == "policy/model"
    assert "hunyuan-video-1.5, wan-2.1, shapes" in error.remedy


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("hunyuan-video-1.5", "hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v"),
        ("wan-2.1", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"),
    ],
)
def test_released_weights_that_are_not_here_are_named_with_the_command_that_gets_them(
    name: str, repository: str, options: ModelOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever the developer has in the hub's cache.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    # Where there is a GPU; weights are sought before it is touched.
    error = refusal(name, replace(options, device=torch.device("cuda")))
    assert error.code == "policy/weights"
    assert repository in error.message
    assert f"hf download {repository}" in error.remedy
    assert "policy.weights" in error.remedy


def no_download(*_: Any, **__: Any) -> None:
    raise AssertionError("it would have been downloaded")


@pytest.mark.parametrize("weights", [None, "someone/finetuned-diffusers"])
@pytest.mark.parametrize("name", ["hunyuan-video-1.5", "wan-2.1"])
def test_weights_of_a_repository_are_not_downloaded_for_a_cpu(
    name: str, weights: str | None, options: ModelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", no_download)
    error = refusal(name, replace(options, weights=weights))
    assert error.code == "policy/no-gpu"
    assert "no GPU" in error.message
    assert "the doctor" in error.remedy and "machine with a CUDA GPU" in error.remedy


RELEASED: dict[str, tuple[dict[str, Any], str]] = {
    "hunyuan-video-1.5": (
        {
            "num_attention_heads": 16,
            "attention_head_dim": 128,
            "num_layers": 54,
            "num_refiner_layers": 2,
            "mlp_ratio": 4.0,
        },
        "8.3 billion",
    ),
    "wan-2.1": (
        {"num_attention_heads": 12, "attention_head_dim": 128, "num_layers": 30, "ffn_dim": 8960, "text_dim": 4096},
        "1.4 billion",
    ),
}


@pytest.mark.parametrize("name", RELEASED)
def test_a_folder_with_a_model_of_the_released_size_is_refused_on_a_cpu_before_its_weights_are_read(
    name: str, options: ModelOptions, written: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(written[name], tmp_path / "model")
    config, size = RELEASED[name]
    change(folder / "transformer" / "config.json", **config)
    for file in folder.rglob("*.safetensors"):
        file.unlink()
    error = refusal(name, replace(options, weights=str(folder)))
    assert error.code == "policy/no-gpu"
    assert f"{folder} holds a transformer of {size} parameters" in error.message


def test_a_folder_that_is_not_there_is_named(options: ModelOptions, tmp_path: Path) -> None:
    error = refusal("wan-2.1", replace(options, weights=str(tmp_path / "nowhere")))
    assert str(tmp_path / "nowhere") in error.message


def test_a_folder_without_a_pipeline_is_refused(options: ModelOptions, tmp_path: Path) -> None:
    assert "model_index.json" in refusal("wan-2.1", replace(options, weights=str(tmp_path))).message


def test_another_models_folder_is_refused(options: ModelOptions, written: dict[str, Path]) -> None:
    error = refusal("hunyuan-video-1.5", replace(options, weights=str(written["wan-2.1"])))
    assert "WanPipeline" in error.message and "HunyuanVideo15Pipeline" in error.message


DAMAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("hunyuan-video-1.5", lambda at: shutil.rmtree(at / "text_encoder_2"), "no sub-folder text_encoder_2"),
    (
        "hunyuan-video-1.5",
        lambda at: change(at / "vae" / "config.json", _class_name="AutoencoderKLWan"),
        "AutoencoderKLWan",
    ),
    ("hunyuan-video-1.5", lambda at: change(at / "transformer" / "config.json", in_channels=4), "needs? 9 and 4"),
    ("hunyuan-video-1.5", lambda at: change(at / "transformer" / "config.json", use_meanflow=True), "MeanFlow"),
    ("hunyuan-video-1.5", lambda at: change(at / "text_encoder" / "config.json", hidden_size=8), "8 numbers a token"),
    ("hunyuan-video-1.5", lambda at: (at / "model_index.json").write_text("{"), "cannot be read"),
    (
        "hunyuan-video-1.5",
        lambda at: (at / "transformer" / "diffusion_pytorch_model.safetensors").write_bytes(b"no weights"),
        "transformer cannot be loaded",
    ),
    ("wan-2.1", lambda at: (at / "vae" / "diffusion_pytorch_model.safetensors").unlink(), "vae cannot be loaded"),
    ("wan-2.1", lambda at: change(at / "transformer" / "config.json", num_layers=3), "lack weights.*blocks.2"),
    ("wan-2.1", lambda at: change(at / "model_index.json", boundary_ratio=0.9), "two transformers"),
    ("wan-2.1", lambda at: change(at / "transformer" / "config.json", image_dim=1280), "from images"),
    ("wan-2.1", lambda at: change(at / "transformer" / "config.json", in_channels=36), "takes 36 channels"),
    ("wan-2.1", lambda at: change(at / "text_encoder" / "config.json", d_model=8), "8 numbers a token"),
]


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGES)
def test_parts_that_are_missing_or_do_not_fit_are_named(
    name: str,
    damage: Callable[[Path], object],
    message: str,
    options: ModelOptions,
    written: dict[str, Path],
    tmp_path: Path,
) -> None:
    folder = shutil.copytree(written[name], tmp_path / "model")
    damage(folder)
    error = refusal(name, replace(options, weights=str(folder)))
    assert error.code == "policy/weights"
    assert re.search(message, error.message), error.message


@pytest.mark.parametrize(
    ("name", "video", "message", "remedy"),
    [
        ("hunyuan-video-1.5", {"frames": 10}, "2n \\+ 1 frames", "sampling.frames to 9 or 11"),
        ("hunyuan-video-1.5", {"frames": 0}, "frames is 0", "sampling.frames to 1 or 3"),
        ("hunyuan-video-1.5", {"width": 18}, "width is 18", "sampling.width to 16 or 20"),
        ("wan-2.1", {"frames": 80}, "4n \\+ 1 frames", "sampling.frames to 77 or 81"),
        ("wan-2.1", {"height": 488}, "multiples of 16.*height is 488", "sampling.height to 480 or 496"),
        ("wan-2.1", {"width": 8}, "width is 8", "sampling.width to 16 or 32"),
    ],
)
def test_a_video_that_the_model_cannot_make_is_told_the_nearest_ones(
    name: str, video: dict[str, int], message: str, remedy: str, options: ModelOptions, written: dict[str, Path]
) -> None:
    changes: dict[str, Any] = video
    error = refusal(name, replace(options, weights=str(written[name]), **changes))
    assert error.code == "policy/video"
    assert re.search(message, error.message), error.message
    assert remedy in error.remedy


def test_a_guider_on_trial_is_no_last_word_of_a_worker_that_died() -> None:
    """In a process of its own, where nothing has been quietened yet."""
    program = """
import logging
from diffusers import ClassifierFreeGuidance
from sage_worker.models import pipeline_folder
ClassifierFreeGuidance()
pipeline_folder.quiet()
print("quiet", file=__import__("sys").stderr, flush=True)
ClassifierFreeGuidance()
logging.getLogger("diffusers.guiders.guider_utils").warning("something of this run")
"""
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stderr
    before, after = said.split("quiet\n")
    assert "Guiders are currently an experimental feature" in before
    assert "experimental" not in after and "something of this run" in after
