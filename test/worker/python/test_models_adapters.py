"""A trained adapter is written so that diffusers loads it as it is, and then computes what the trained network did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15Transformer3DModel,
    WanPipeline,
    WanTransformer3DModel,
)
from peft import LoraConfig
from safetensors import safe_open

from sage_worker.errors import WorkerError
from sage_worker.models import adapters
from sage_worker.models.load import load_model
from tiny import WAN, plain_options, write_hunyuan_video, write_wan


def with_adapters(name: str, folder: Path, cache: Path) -> Any:
    """A model with two adapters of rank 4 and alpha 6, of which 'default' is as if trained and active."""
    options = plain_options(folder, WAN, cache)
    model = load_model(name, options)
    network: Any = model.network
    network.requires_grad_(False)
    for adapter in ("default", "anchor"):
        network.add_adapter(LoraConfig(r=4, lora_alpha=6, target_modules=model.lora_targets), adapter_name=adapter)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter_name, parameter in network.named_parameters():
            if ".default." in parameter_name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    network.set_adapter("default")
    return model


def velocity(model: Any) -> torch.Tensor:
    x = torch.randn((1, *model.latent_shape), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        result: torch.Tensor = model.velocity(x, torch.tensor([0.6]), model.encode(["rain"]), 1.0)
    return result


@pytest.fixture(scope="module")
def hunyuan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, Path]:
    folder = write_hunyuan_video(tmp_path_factory.mktemp("hunyuan"))
    model = with_adapters("hunyuan-video-1.5", folder, tmp_path_factory.mktemp("prompts"))
    saved = tmp_path_factory.mktemp("adapter")
    adapters.save_adapter(saved, model.network)
    return model, folder, saved


@pytest.fixture(scope="module")
def wan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, Path]:
    folder = write_wan(tmp_path_factory.mktemp("wan"))
    model = with_adapters("wan-2.1", folder, tmp_path_factory.mktemp("prompts"))
    saved = tmp_path_factory.mktemp("adapter")
    adapters.save_adapter(saved, model.network)
    return model, folder, saved


@pytest.mark.parametrize("kind", ["hunyuan", "wan"])
def test_load_lora_adapter_takes_it_as_it_is(kind: str, request: pytest.FixtureRequest) -> None:
    model, folder, saved = request.getfixturevalue(kind)
    trained = velocity(model)
    classes: dict[str, Any] = {"hunyuan": HunyuanVideo15Transformer3DModel, "wan": WanTransformer3DModel}
    fresh = classes[kind].from_pretrained(folder, subfolder="transformer")
    kept = model.network
    model.use_network(fresh)
    try:
        without = velocity(model)
        fresh.load_lora_adapter(saved, weight_name=adapters.FILE)
        assert fresh.peft_config["default_0"].lora_alpha == 6
        assert (without - trained).abs().max() > 1e-3, "the adapter changes nothing"
        torch.testing.assert_close(velocity(model), trained)
    finally:
        model.use_network(kept)


def test_the_pipeline_of_wan_loads_it_with_load_lora_weights(wan: tuple[Any, Path, Path]) -> None:
    model, folder, saved = wan
    pipeline = WanPipeline.from_pretrained(folder, scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0))
    pipeline.set_progress_bar_config(disable=True)
    x = torch.randn((1, *model.latent_shape), generator=torch.Generator().manual_seed(1))
    sampling = {"height": 16, "width": 16, "num_frames": 9, "num_inference_steps": 1, "output_type": "latent"}
    before = pipeline("rain", latents=x, guidance_scale=1.0, **sampling).frames
    pipeline.load_lora_weights(saved)
    after = pipeline("rain", latents=x, guidance_scale=1.0, **sampling).frames
    with torch.no_grad():
        expected = x - model.velocity(x, torch.ones(1), model.encode(["rain"]), 1.0)
    torch.testing.assert_close(after, expected, rtol=1e-4, atol=1e-5)
    assert (before - after).abs().max() > 1e-3


def test_without_a_prefix_it_is_the_file_that_save_lora_adapter_writes(
    hunyuan: tuple[Any, Path, Path], tmp_path: Path
) -> None:
    network = hunyuan[0].network
    network.save_lora_adapter(tmp_path)
    with safe_open(tmp_path / adapters.FILE, framework="pt") as store:
        expected = {name: store.get_tensor(name) for name in store.keys()}  # noqa: SIM118
        metadata = json.loads(store.metadata()[adapters.METADATA])
    state = adapters.adapter_state(network, prefix=None)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in state)
    assert json.loads(adapters.adapter_metadata(network, prefix=None)[adapters.METADATA]) == metadata


def test_each_adapter_is_read_back_under_the_names_of_the_network(
    hunyuan: tuple[Any, Path, Path], tmp_path: Path
) -> None:
    network = hunyuan[0].network
    adapters.save_adapter(tmp_path, network, "anchor")
    named = dict(network.named_parameters())
    for folder, adapter in ((hunyuan[2], "default"), (tmp_path, "anchor")):
        tensors = adapters.read_adapter(folder)
        assert len(tensors) == sum(f".{adapter}." in name for name in named)
        for name, tensor in tensors.items():
            assert torch.equal(named[name.replace(".weight", f".{adapter}.weight")], tensor)
    with pytest.raises(WorkerError, match="cannot be read"):
        adapters.read_adapter(tmp_path / "nowhere")
