"""Wan2.1 behind the worker's interface gives what diffusers' own pipeline gives."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, WanPipeline

from sage_worker.models.base import ModelOptions
from sage_worker.models.load import load_model
from sage_worker.models.wan import LORA_TARGETS, Wan
from sage_worker.recompute import recompute_blocks
from tiny import WAN, WAN_LATENT_SHAPE, plain_options, write_wan

PROMPTS = ["a red ball  rolls &amp; rolls", "rain"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wan(tmp_path_factory.mktemp("wan"))


@pytest.fixture(scope="module")
def options(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelOptions:
    return plain_options(folder, WAN, tmp_path_factory.mktemp("prompts"))


@pytest.fixture(scope="module")
def model(options: ModelOptions) -> Wan:
    loaded = load_model("wan-2.1", options)
    assert isinstance(loaded, Wan)
    return loaded


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> Any:
    loaded = WanPipeline.from_pretrained(folder)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def noise(rows: int) -> torch.Tensor:
    return torch.randn((rows, *WAN_LATENT_SHAPE), generator=torch.Generator().manual_seed(1))


def test_it_describes_its_videos_and_latents(model: Wan, options: ModelOptions) -> None:
    assert model.format.frames_per_second == 16
    assert model.latent_shape == WAN_LATENT_SHAPE
    assert model.latent_dtype == torch.float32
    assert Wan(replace(options, precision=torch.bfloat16)).latent_dtype == torch.float32
    assert len(model.blocks()) == 2


def test_texts_have_zeros_up_to_512_tokens_as_in_the_pipeline(model: Wan, pipeline: Any) -> None:
    from sage_worker.models.diffusers_video import full_length

    with torch.no_grad():
        expected, _ = pipeline.encode_prompt(PROMPTS, do_classifier_free_guidance=False, max_sequence_length=512)
    for row, condition in enumerate(model.encode(PROMPTS)):
        assert len(condition["umt5"]) < 40
        torch.testing.assert_close(full_length(condition, 512)["umt5"], expected[row])


@pytest.mark.parametrize("batching", ["sequential", "batched"])
def test_guided_sampling_ends_where_the_pipeline_ends(options: ModelOptions, pipeline: Any, batching: Any) -> None:
    model = Wan(replace(options, guidance_batching=batching))
    pipeline.scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    x, prompt = noise(1), PROMPTS[0]
    expected = pipeline(
        prompt, height=16, width=16, num_frames=9, num_inference_steps=4, latents=x, output_type="latent"
    ).frames
    sigmas = pipeline.scheduler.sigmas
    condition = model.encode([prompt])
    with torch.no_grad():
        for sigma, after in pairwise(sigmas):
            x = x + (after - sigma) * model.velocity(x, sigma.expand(1), condition, 5.0)
    torch.testing.assert_close(x, expected, rtol=1e-3, atol=1e-4)
    with torch.no_grad():
        other = model.velocity(noise(1), torch.tensor([0.5]), model.encode(["rain"]), 5.0)
        this = model.velocity(noise(1), torch.tensor([0.5]), condition, 5.0)
    assert (other - this).abs().max() > 1e-4, "the text has no influence"


def test_decoded_videos_are_those_of_the_pipeline(model: Wan, pipeline: Any) -> None:
    pipeline.scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    sampling = {"height": 16, "width": 16, "num_frames": 9, "num_inference_steps": 2, "latents": noise(1)}
    latents = pipeline(PROMPTS[0], output_type="latent", **sampling).frames
    expected = pipeline(PROMPTS[0], output_type="np", **sampling).frames
    videos = model.decode(torch.cat([latents, -latents]))
    assert videos.dtype == torch.uint8
    assert videos.shape == (2, 9, 16, 16, 3)
    assert np.array_equal(videos[:1].numpy(), (expected * 255).round().astype("uint8"))
    assert not torch.equal(videos[0], videos[1])


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("batching", "rows"), [("sequential", 1), ("batched", 1), ("batched", 2)])
def test_a_row_alone_is_the_row_in_company_to_the_bit(
    options: ModelOptions, precision: torch.dtype, batching: Any, rows: int
) -> None:
    model = Wan(replace(options, precision=precision, guidance_batching=batching, rows_per_pass=rows))
    conditions = model.encode([PROMPTS[0], PROMPTS[1], PROMPTS[0]])
    x, sigma = noise(3), torch.tensor([0.93, 0.5, 0.21])
    with torch.no_grad():
        for guidance in (1.0, 5.0):
            together = model.velocity(x, sigma, conditions, guidance)
            for row in range(3):
                alone = model.velocity(x[row : row + 1], sigma[row : row + 1], conditions[row : row + 1], guidance)
                assert torch.equal(alone[0], together[row])


def test_in_bfloat16_what_diffusers_keeps_in_float32_stays_there(options: ModelOptions) -> None:
    model = Wan(replace(options, precision=torch.bfloat16))
    recompute_blocks(model.blocks())
    types = {name: parameter.dtype for name, parameter in model.network.named_parameters()}
    assert types["blocks.0.attn1.to_q.weight"] == torch.bfloat16
    assert types["blocks.0.norm2.weight"] == torch.float32
    assert types["blocks.0.scale_shift_table"] == torch.float32
    assert types["condition_embedder.time_embedder.linear_1.weight"] == torch.float32
    assert model.vae.dtype == torch.float32
    velocity = model.velocity(noise(1), torch.tensor([0.5]), model.encode(PROMPTS[:1]), 5.0)
    velocity.square().mean().backward()
    gradient = model.network.blocks[0].attn1.to_q.weight.grad
    assert velocity.dtype == torch.float32
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0


def test_adapters_go_on_attention_and_feed_forward_of_the_blocks(model: Wan) -> None:
    linear = {name for name, module in model.network.named_modules() if isinstance(module, torch.nn.Linear)}
    taken = {name for name in linear if re.fullmatch(LORA_TARGETS, name)}
    wanted = {f"attn{n}.{name}" for n in (1, 2) for name in ("to_q", "to_k", "to_v", "to_out.0")}
    wanted |= {"ffn.net.0.proj", "ffn.net.2"}
    assert taken == {f"blocks.{block}.{name}" for block in range(2) for name in wanted}
    assert not any(name.startswith("blocks.") for name in linear - taken)
