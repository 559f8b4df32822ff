"""Options of speed leave the numbers alone: the worker's HunyuanVideo-1.5, tiny, on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from sage_worker.errors import WorkerError
from sage_worker.models.base import ModelOptions
from sage_worker.models.hunyuan_video import HunyuanVideo
from sage_worker.models.load import load_model
from sage_worker.performance import PerformanceOptions, apply_performance, compile_blocks, rollout_mode
from sage_worker.recompute import change_forward, keep_activations, recompute_blocks
from tiny import HUNYUAN_LATENT_SHAPE, HUNYUAN_VIDEO, write_hunyuan_video

PROMPTS = ["a red ball rolls over a table", "rain"]
SIGMAS = torch.tensor([0.9, 0.4])


@pytest.fixture(scope="module")
def loading(tmp_path_factory: pytest.TempPathFactory) -> ModelOptions:
    folder = tmp_path_factory.mktemp("hunyuan")
    return ModelOptions(
        weights=str(write_hunyuan_video(folder / "weights", layers=2)),
        **HUNYUAN_VIDEO,
        precision=torch.bfloat16,
        cache=folder / "cache",
        device=torch.device("cpu"),
    )


@pytest.fixture
def model(loading: ModelOptions) -> Iterator[HunyuanVideo]:
    """Of its own for each test, since the options change it; recomputed, with an adapter that differs from zero."""
    from peft import LoraConfig

    loaded = load_model("hunyuan-video-1.5", loading)
    assert isinstance(loaded, HunyuanVideo)
    torch.manual_seed(0)
    loaded.network.requires_grad_(False)
    targets = r"transformer_blocks\.\d+\.(attn\.to_[qkv]|ff\.net\.2)"
    loaded.network.add_adapter(LoraConfig(r=2, lora_alpha=4, target_modules=targets, init_lora_weights=False))
    recompute_blocks(loaded.blocks())
    yield loaded
    loaded.network.set_attention_backend("native")


def latents(rows: int = 2) -> Tensor:
    return torch.randn((rows, *HUNYUAN_LATENT_SHAPE), generator=torch.Generator().manual_seed(1))


def velocity(model: HunyuanVideo, x: Tensor, sigmas: Tensor = SIGMAS) -> Tensor:
    return model.velocity(x, sigmas, model.encode(PROMPTS)[: len(x)], 6.0)


def slopes(model: HunyuanVideo) -> Tensor:
    """The adapter's gradient, flat."""
    model.network.zero_grad()
    velocity(model, latents()).square().mean().backward()
    return torch.cat([p.grad.flatten().float() for p in model.network.parameters() if p.grad is not None])


def assert_same_numbers(model: HunyuanVideo, options: PerformanceOptions, tolerance: float) -> None:
    before, slopes_before = velocity(model, latents()).detach(), slopes(model)
    apply_performance(model, options)
    model.batched = None
    torch.testing.assert_close(velocity(model, latents()).detach(), before, rtol=tolerance, atol=tolerance)
    slopes_after = slopes(model)
    assert (slopes_after - slopes_before).norm() <= tolerance * slopes_before.norm()


@pytest.mark.parametrize("attention", ["_native_math", "_native_flash"])
def test_attention_backends_agree_also_those_that_refuse_masks(model: HunyuanVideo, attention: str) -> None:
    assert_same_numbers(model, PerformanceOptions(attention=attention, guidance="sequential"), 0.1)


def test_both_branches_of_guidance_agree_with_one_after_the_other(model: HunyuanVideo) -> None:
    model.network.float()
    model.vae.float()
    model.precision = torch.float32
    assert_same_numbers(model, PerformanceOptions(guidance="batched"), 1e-4)
    assert model.batched is True


def test_rows_in_one_pass_agree_with_rows_alone(model: HunyuanVideo) -> None:
    model.network.float()
    model.precision = torch.float32
    assert_same_numbers(model, PerformanceOptions(rows=2), 1e-4)


def test_blocks_that_keep_their_activations_are_computed_once_and_give_the_same_gradient(model: HunyuanVideo) -> None:
    calls = [0, 0]

    def count(place: int) -> None:
        calls[place] += 1

    for place, block in enumerate(model.blocks()):
        attention: Any = block.attn
        attention.register_forward_hook(lambda *_, place=place: count(place))
    before = slopes(model)
    assert calls == [8, 8]  # two rows, two branches, twice
    apply_performance(model, PerformanceOptions(kept_blocks=1))
    assert torch.equal(slopes(model), before)
    assert calls == [8 + 4, 8 + 8]
    apply_performance(model, PerformanceOptions(kept_blocks=2))
    assert torch.equal(slopes(model), before)
    assert calls == [8 + 4 + 4, 8 + 8 + 4]
    with pytest.raises(WorkerError, match="all blocks keep"):
        apply_performance(model, PerformanceOptions(kept_blocks=1))


def test_compiled_blocks_agree_and_rollouts_have_the_bits_of_the_replay(model: HunyuanVideo) -> None:
    assert_same_numbers(model, PerformanceOptions(compile_blocks=True), 0.1)
    with torch.no_grad():
        sampled = velocity(model, latents())
    assert not sampled.requires_grad
    assert torch.equal(sampled, velocity(model, latents()).detach())


def test_recomputed_are_the_compiled_blocks_whichever_comes_first(model: HunyuanVideo) -> None:
    compiled, later = model.blocks()
    keep_activations([later])
    compile_blocks(model.blocks())
    recompute_blocks([later])
    calls = [0, 0]

    def counted(place: int, forward: Any) -> Any:
        def run(*args: Any) -> Any:
            calls[place] += 1
            return forward(*args)

        return run

    for place, block in enumerate((compiled, later)):
        change_forward(block, partial(counted, place))
    slopes(model)
    assert calls == [8, 8]  # two rows, two branches, twice


def test_recorded_blocks_follow_new_inputs_and_new_weights(model: HunyuanVideo) -> None:
    options = PerformanceOptions(recorded_rollout=True)
    apply_performance(model, options)
    weight = dict(model.network.named_parameters())["transformer_blocks.1.ff.net.2.lora_B.default.weight"]
    before = [block.forward for block in model.blocks()]
    with torch.no_grad(), rollout_mode(options, model.blocks()):
        for sigma, factor in [(0.9, 1.0), (0.4, 1.0), (0.9, 3.0)]:
            weight.mul_(factor)
            seen = velocity(model, latents(1), torch.tensor([sigma]))
            with torch.enable_grad():
                assert torch.equal(seen, velocity(model, latents(1), torch.tensor([sigma])).detach())
    assert [block.forward for block in model.blocks()] == before


def test_decoding_with_channels_last_and_in_one_piece_gives_the_same_video(model: HunyuanVideo) -> None:
    model.vae.float()
    before = model.decode(latents())
    apply_performance(model, PerformanceOptions(channels_last_decode=True, decode_tiles=False))
    assert model.vae.decoder.conv_in.conv.weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert (model.decode(latents()).int() - before.int()).abs().max() <= 1


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(WorkerError, match="takes no mask"):
        PerformanceOptions(attention="_native_flash", guidance="batched")
    with pytest.raises(WorkerError, match="at the same time"):
        PerformanceOptions(recorded_rollout=True, compile_blocks=True)


def test_a_backend_that_is_not_there_is_named_with_its_remedy(model: HunyuanVideo) -> None:
    with pytest.raises(WorkerError, match="choose one of native"):
        apply_performance(model, PerformanceOptions(attention="xformers"))
    with pytest.raises(WorkerError, match="quick cannot be used"):
        apply_performance(model, PerformanceOptions(attention="quick"))


def test_an_option_that_means_nothing_to_a_model_is_refused(loading: ModelOptions) -> None:
    from dataclasses import replace

    shapes = load_model("shapes", replace(loading, weights=None, precision=torch.float32))
    with pytest.raises(WorkerError, match="always share a pass"):
        apply_performance(shapes, PerformanceOptions(rows=2))
    with pytest.raises(WorkerError, match="neither tiles"):
        apply_performance(shapes, PerformanceOptions(decode_tiles=False))
