"""HunyuanVideo-1.5 behind the worker's interface gives what diffusers' own pipeline gives."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, HunyuanVideo15Pipeline, HunyuanVideo15Transformer3DModel

from sage_worker.models.base import ModelOptions
from sage_worker.models.guidance import rows_at_most
from sage_worker.models.hunyuan_attention import UnmaskedAttention
from sage_worker.models.hunyuan_video import LORA_TARGETS, HunyuanVideo
from sage_worker.models.load import load_model
from sage_worker.recompute import recompute_blocks
from tiny import HUNYUAN_LATENT_SHAPE, HUNYUAN_VIDEO, plain_options, write_hunyuan_video

PROMPTS = ["a red ball rolls over a table", 'a sign that says "open"', "rain"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hunyuan_video(tmp_path_factory.mktemp("hunyuan"), layers=2)


@pytest.fixture(scope="module")
def options(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelOptions:
    return plain_options(folder, HUNYUAN_VIDEO, tmp_path_factory.mktemp("prompts"))


@pytest.fixture(scope="module")
def model(options: ModelOptions) -> HunyuanVideo:
    loaded = load_model("hunyuan-video-1.5", options)
    assert isinstance(loaded, HunyuanVideo)
    return loaded


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> Any:
    loaded = HunyuanVideo15Pipeline.from_pretrained(folder)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def noise(rows: int, seed: int = 1) -> torch.Tensor:
    return torch.randn((rows, *HUNYUAN_LATENT_SHAPE), generator=torch.Generator().manual_seed(seed))


def by_euler(
    model: HunyuanVideo, x: torch.Tensor, sigmas: torch.Tensor, condition: Any, guidance: float
) -> torch.Tensor:
    """The probability-flow ODE by Euler's method from the first sigma to the last."""
    for sigma, after in pairwise(sigmas):
        velocity = model.velocity(x, sigma.expand(len(x)), [condition] * len(x), guidance)
        x = x + (after - sigma) * velocity
    return x


def test_it_describes_its_videos_and_latents(model: HunyuanVideo) -> None:
    assert (model.format.frames, model.format.height, model.format.width) == (9, 16, 16)
    assert model.format.frames_per_second == 24
    assert model.latent_shape == HUNYUAN_LATENT_SHAPE
    assert model.latent_dtype == torch.float32
    assert len(model.blocks()) == 2
    assert set(model.versions()) == {"torch", "diffusers", "transformers", "peft"}


def test_encoded_prompts_are_the_valid_tokens_of_the_pipelines_encoding(model: HunyuanVideo, pipeline: Any) -> None:
    with torch.no_grad():
        qwen, mask, byt5, mask_2 = pipeline.encode_prompt(PROMPTS, device="cpu", batch_size=len(PROMPTS))
    for row, condition in enumerate(model.encode(PROMPTS)):
        torch.testing.assert_close(condition["qwen"], qwen[row][mask[row].bool()])
        torch.testing.assert_close(condition["byt5"], byt5[row][mask_2[row].bool()])
    lengths = [len(condition["byt5"]) for condition in model.encode(PROMPTS)]
    assert lengths[0] == lengths[2] == 0
    assert lengths[1] > 0


def test_velocities_of_valid_tokens_are_those_of_padded_text_with_masks(model: HunyuanVideo, pipeline: Any) -> None:
    x, sigma = noise(3), torch.tensor([0.9, 0.5, 0.1])
    with torch.no_grad():
        qwen, mask, byt5, mask_2 = pipeline.encode_prompt(PROMPTS, device="cpu", batch_size=len(PROMPTS))
        zeros = torch.zeros_like(x)
        expected = pipeline.transformer(
            hidden_states=torch.cat([x, zeros, zeros[:, :1]], dim=1),
            timestep=1000 * sigma,
            encoder_hidden_states=qwen,
            encoder_attention_mask=mask,
            encoder_hidden_states_2=byt5,
            encoder_attention_mask_2=mask_2,
            image_embeds=torch.zeros(3, 729, 12),
            return_dict=False,
        )[0]
        velocity = model.velocity(x, sigma, model.encode(PROMPTS), 1.0)
    torch.testing.assert_close(velocity, expected, rtol=1e-4, atol=2e-5)
    other = model.velocity(x, sigma, model.encode(PROMPTS[::-1]), 1.0)
    assert (other - velocity)[0].abs().max() > 1e-3, "the text has no influence"


@pytest.mark.parametrize("batching", ["sequential", "batched"])
def test_guided_sampling_ends_where_the_pipeline_ends(options: ModelOptions, pipeline: Any, batching: Any) -> None:
    model = HunyuanVideo(replace(options, guidance_batching=batching))
    x = noise(1)
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(sigmas=np.linspace(1, 0, 5)[:-1])
    for prompt in PROMPTS[:2]:
        expected = pipeline(
            prompt, height=16, width=16, num_frames=9, num_inference_steps=4, latents=x, output_type="latent"
        ).frames
        with torch.no_grad():
            latents = by_euler(model, x, scheduler.sigmas, model.encode([prompt])[0], 6.0)
        torch.testing.assert_close(latents, expected, rtol=1e-3, atol=1e-4)


def test_decoded_videos_are_those_of_the_pipeline(model: HunyuanVideo, pipeline: Any) -> None:
    sampling = {"height": 16, "width": 16, "num_frames": 9, "num_inference_steps": 1, "latents": noise(1)}
    latents = pipeline(PROMPTS[0], output_type="latent", **sampling).frames
    expected = pipeline(PROMPTS[0], output_type="np", **sampling).frames
    videos = model.decode(torch.cat([latents, -latents]))
    assert videos.dtype == torch.uint8
    assert videos.shape == (2, 9, 16, 16, 3)
    assert np.array_equal(videos[:1].numpy(), (expected * 255).round().astype("uint8"))
    assert not torch.equal(videos[0], videos[1])
    assert videos.float().std() > 1, "the video is not uniform"


def test_large_videos_are_decoded_in_tiles(options: ModelOptions, pipeline: Any) -> None:
    model = HunyuanVideo(options)
    tiles = {
        "tile_sample_min_height": 8,
        "tile_sample_min_width": 8,
        "tile_latent_min_height": 2,
        "tile_latent_min_width": 2,
    }
    model.vae.enable_tiling(**tiles, tile_overlap_factor=0.5)
    latents = noise(1)
    tiled = model.decode(latents)
    assert tiled.shape == (1, 9, 16, 16, 3)
    assert not torch.equal(tiled, HunyuanVideo(options).decode(latents))
    model.offload_vae = True
    assert torch.equal(model.decode(latents), tiled)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("batching", "rows"), [("sequential", 1), ("batched", 1), ("sequential", 2), ("batched", 2)])
def test_a_row_alone_is_the_row_in_company_to_the_bit(
    options: ModelOptions, precision: torch.dtype, batching: Any, rows: int
) -> None:
    model = HunyuanVideo(replace(options, precision=precision, guidance_batching=batching, rows_per_pass=rows))
    # Texts of three lengths, one of them twice, in an order that mixes them.
    conditions = model.encode([*PROMPTS, PROMPTS[0]])
    x, sigma = noise(4).to(model.latent_dtype).float(), torch.tensor([0.93, 0.5, 0.21, 0.77])
    with torch.no_grad():
        for guidance in (1.0, 6.0):
            together = model.velocity(x, sigma, conditions, guidance)
            assert together.dtype == torch.float32
            for row in range(4):
                alone = model.velocity(x[row : row + 1], sigma[row : row + 1], conditions[row : row + 1], guidance)
                assert torch.equal(alone[0], together[row])
            order = [2, 0, 3, 1]
            mixed = model.velocity(x[order], sigma[order], [conditions[row] for row in order], guidance)
            assert torch.equal(mixed, together[order])


def test_the_timestep_is_rounded_as_the_latents_are(options: ModelOptions) -> None:
    model = HunyuanVideo(replace(options, precision=torch.bfloat16))
    condition = model.encode(PROMPTS[:1])
    with torch.no_grad():
        # bfloat16 has no number between 992 and 996, so both stand for the same timestep.
        near = [model.velocity(noise(1), torch.tensor([sigma]), condition, 1.0) for sigma in (0.992, 0.9935, 0.998)]
    assert torch.equal(near[0], near[1])
    assert not torch.equal(near[0], near[2])


def test_gradients_are_those_of_one_pass_with_and_without_checkpointing(options: ModelOptions) -> None:
    gradients = []
    for batching, checkpointing in (("sequential", False), ("sequential", True), ("batched", True)):
        choice: Any = batching
        model = HunyuanVideo(replace(options, guidance_batching=choice))
        if checkpointing:
            recompute_blocks(model.blocks())
        model.network.train()
        velocity = model.velocity(noise(2), torch.tensor([0.8, 0.3]), model.encode(PROMPTS[:2]), 3.0)
        velocity.square().mean().backward()
        parameters = dict(model.network.named_parameters())
        block = [
            name
            for name in parameters
            if name.startswith("transformer_blocks.0.") and parameters[name].grad is not None
        ]
        gradients.append(torch.cat([parameters[name].grad.flatten() for name in block]))
    assert gradients[0].abs().max() > 0
    assert torch.equal(gradients[0], gradients[1])
    torch.testing.assert_close(gradients[2], gradients[0], rtol=1e-3, atol=1e-6)


def test_the_attention_backend_stays_when_the_mask_comes_or_goes(options: ModelOptions) -> None:
    model = HunyuanVideo(options)
    model.network.set_attention_backend("_native_math")
    try:
        for masked in (True, False):
            model.choose_attention(masked)
            processors: list[Any] = [block.attn.processor for block in model.network.transformer_blocks]
            assert [processor._attention_backend for processor in processors] == ["_native_math"] * 2
            assert [type(processor) is UnmaskedAttention for processor in processors] == [not masked] * 2
    finally:
        model.network.reset_attention_backend()


def test_the_released_transformer_takes_648_adapters() -> None:
    with torch.device("meta"):
        network: Any = HunyuanVideo15Transformer3DModel(task_type="t2v")
    assert sum(parameter.numel() for parameter in network.parameters()) == 8_326_608_160
    taken = [module for name, module in network.named_modules() if re.fullmatch(LORA_TARGETS, name)]
    assert len(taken) == 54 * 12
    assert all(isinstance(module, torch.nn.Linear) for module in taken)


def test_a_long_row_has_a_pass_for_itself() -> None:
    released = 21 * 22 * 39
    assert rows_at_most(4, released) == 1
    assert rows_at_most(4, 80) == 4


def test_adapters_go_on_every_layer_of_the_blocks_and_not_on_the_token_refiner(model: HunyuanVideo) -> None:
    linear = {name for name, module in model.network.named_modules() if isinstance(module, torch.nn.Linear)}
    taken = {name for name in linear if re.fullmatch(LORA_TARGETS, name)}
    streams = ["to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"]
    wanted = {f"attn.{name}" for name in streams} | {
        f"{ff}.net.{n}" for ff in ("ff", "ff_context") for n in ("0.proj", "2")
    }
    assert taken == {f"transformer_blocks.{block}.{name}" for block in range(2) for name in wanted}
    left_in_blocks = {name for name in linear - taken if name.startswith("transformer_blocks.")}
    assert all(".norm1" in name for name in left_in_blocks), "only the modulation is left"
    assert any("token_refiner" in name for name in linear - taken)
