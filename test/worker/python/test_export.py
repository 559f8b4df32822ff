"""An exported model computes what the trained one did, through diffusers' own loading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import HunyuanVideo15Pipeline, HunyuanVideo15Transformer3DModel, WanTransformer3DModel
from peft import LoraConfig
from safetensors.torch import load_file
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_saver import save

from sage_worker.errors import WorkerError
from sage_worker.export import export_model, quiet
from sage_worker.models import adapters, hunyuan_video, wan
from tiny import write_hunyuan_video, write_wan

HUNYUAN_INPUTS: dict[str, Any] = {
    "hidden_states": torch.randn(1, 9, 2, 4, 4, generator=torch.Generator().manual_seed(1)),
    "timestep": torch.tensor([600.0]),
    "encoder_hidden_states": torch.randn(1, 3, 16, generator=torch.Generator().manual_seed(2)),
    "encoder_attention_mask": torch.ones(1, 3, dtype=torch.bool),
    "encoder_hidden_states_2": torch.zeros(1, 2, 32),
    "encoder_attention_mask_2": torch.zeros(1, 2, dtype=torch.bool),
    "image_embeds": torch.zeros(1, 4, 12),
    "return_dict": False,
}
WAN_INPUTS: dict[str, Any] = {
    "hidden_states": torch.randn(1, 16, 3, 2, 2, generator=torch.Generator().manual_seed(1)),
    "timestep": torch.tensor([600]),
    "encoder_hidden_states": torch.randn(1, 3, 32, generator=torch.Generator().manual_seed(2)),
    "return_dict": False,
}


def output(network: Any, inputs: dict[str, Any]) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = network.eval()(**inputs)[0]
    return result


def trained_adapter(network: Any, targets: str, folder: Path) -> None:
    """Writes the adapter of a checkpoint, with values as if trained; rank 4, alpha 6."""
    network.add_adapter(LoraConfig(r=4, lora_alpha=6, target_modules=targets))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    adapters.save_adapter(folder / "adapter", network)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hunyuan_video(tmp_path_factory.mktemp("hunyuan"), layers=2)


@pytest.mark.parametrize("model", ["hunyuan-video-1.5", "wan-2.1"])
def test_a_merged_model_is_the_base_with_its_adapter(model: str, base: Path, tmp_path: Path) -> None:
    kind: Any = HunyuanVideo15Transformer3DModel if model == "hunyuan-video-1.5" else WanTransformer3DModel
    inputs = HUNYUAN_INPUTS if model == "hunyuan-video-1.5" else WAN_INPUTS
    targets = hunyuan_video.LORA_TARGETS if model == "hunyuan-video-1.5" else wan.LORA_TARGETS
    source = base if model == "hunyuan-video-1.5" else write_wan(tmp_path / "wan")
    trained_adapter(kind.from_pretrained(source, subfolder="transformer"), targets, tmp_path)

    out = tmp_path / "out"
    out.mkdir()
    assert export_model(model, str(source), tmp_path, out) == source

    with_adapter = kind.from_pretrained(source, subfolder="transformer")
    untrained = output(with_adapter, inputs)
    with_adapter.load_lora_adapter(str(tmp_path / "adapter"), weight_name=adapters.FILE)
    wanted = output(with_adapter, inputs)
    found = output(kind.from_pretrained(out, subfolder="transformer"), inputs)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert (found - untrained).abs().max() > 0.01


def test_a_merged_pipeline_is_whole(base: Path, tmp_path: Path) -> None:
    network: Any = HunyuanVideo15Transformer3DModel.from_pretrained(base, subfolder="transformer")
    trained_adapter(network, hunyuan_video.LORA_TARGETS, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    export_model("hunyuan-video-1.5", str(base), tmp_path, out)
    pipeline: Any = HunyuanVideo15Pipeline.from_pretrained(out)
    assert pipeline.transformer.config.num_layers == 2
    names = {file.relative_to(base).as_posix() for file in base.rglob("*") if file.is_file()}
    assert {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()} == names
    # Only what was trained differs, and each tensor keeps its dtype.
    before = load_file(base / "transformer" / "diffusion_pytorch_model.safetensors")
    after = load_file(out / "transformer" / "diffusion_pytorch_model.safetensors")
    differing = {name for name in before if not torch.equal(before[name], after[name])}
    assert differing
    assert all(name.startswith("transformer_blocks.") for name in differing)


def test_bfloat16_shards_stay_what_they_are_and_are_rounded_once(base: Path, tmp_path: Path) -> None:
    network: Any = HunyuanVideo15Transformer3DModel.from_pretrained(base, subfolder="transformer")
    source = write_hunyuan_video(tmp_path / "sharded", layers=2)
    (source / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    network.to(torch.bfloat16).save_pretrained(source / "transformer", max_shard_size="4MB")
    shards = sorted((source / "transformer").glob("*.safetensors"))
    assert len(shards) > 1
    trained_adapter(network, hunyuan_video.LORA_TARGETS, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    export_model("hunyuan-video-1.5", str(source), tmp_path, out)
    name = "transformer_blocks.1.attn.to_q.weight"
    adapter = adapters.read_adapter(tmp_path / "adapter")
    up, down = (adapter[name.replace("weight", f"lora_{half}.weight")].float() for half in "BA")
    before: dict[str, torch.Tensor] = {}
    after: dict[str, torch.Tensor] = {}
    for shard in shards:
        before |= load_file(shard)
        after |= load_file(out / "transformer" / shard.name)
    assert {tensor.dtype for tensor in after.values()} == {tensor.dtype for tensor in before.values()}
    assert torch.equal(after[name], (before[name].float() + 6 / 4 * (up @ down)).to(torch.bfloat16))


def test_full_fine_tuning_is_gathered_from_its_shards(base: Path, tmp_path: Path) -> None:
    network: Any = HunyuanVideo15Transformer3DModel.from_pretrained(base, subfolder="transformer")
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    tensors = {name: parameter.detach() for name, parameter in network.named_parameters()}
    with quiet():
        save(tensors, storage_writer=HuggingFaceStorageWriter(str(tmp_path / "policy")), no_dist=True)
    out = tmp_path / "out"
    out.mkdir()
    export_model("hunyuan-video-1.5", str(base), tmp_path, out)
    found = HunyuanVideo15Transformer3DModel.from_pretrained(out, subfolder="transformer")
    assert torch.equal(output(found, HUNYUAN_INPUTS), output(network, HUNYUAN_INPUTS))


def test_another_base_is_refused(base: Path, tmp_path: Path) -> None:
    network: Any = HunyuanVideo15Transformer3DModel.from_pretrained(base, subfolder="transformer")
    trained_adapter(network, hunyuan_video.LORA_TARGETS, tmp_path)
    smaller = write_hunyuan_video(tmp_path / "smaller", layers=1)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(WorkerError, match=r"not the model that was trained: it has no transformer_blocks\.1\."):
        export_model("hunyuan-video-1.5", str(smaller), tmp_path, out)
    index = json.loads((base / "model_index.json").read_text())
    assert index["_class_name"] == "HunyuanVideo15Pipeline"
    with pytest.raises(WorkerError, match="not a WanPipeline"):
        export_model("wan-2.1", str(base), tmp_path, out)
    with pytest.raises(WorkerError, match="neither an adapter nor the weights"):
        export_model("hunyuan-video-1.5", str(base), tmp_path / "smaller", out)


@pytest.mark.parametrize("weights", ["/nowhere", "no/such-repository", None])
def test_a_base_that_is_not_here_is_asked_for_by_the_option(
    weights: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(WorkerError) as caught:
        export_model("wan-2.1", weights, tmp_path, tmp_path)
    assert (weights or wan.PUBLISHED.repository) in caught.value.message
    assert "--weights" in caught.value.remedy and "policy.weights" not in caught.value.remedy
    assert f"download {wan.PUBLISHED.repository}`" in caught.value.remedy
