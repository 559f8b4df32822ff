"""The adapter of a checkpoint, as training wrote it, is taken by the pipeline of Wan2.1 as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, WanPipeline, WanTransformer3DModel

from policies import ADAMW, LORA, forward_backward, real_policy, roll_out, samples
from sage_worker.models.adapters import FILE
from tiny import write_wan


def test_diffusers_loads_what_training_of_wan_has_saved(tmp_path: Path) -> None:
    folder, checkpoint = write_wan(tmp_path / "wan"), tmp_path / "checkpoint"
    policy = real_policy("wan-2.1", folder, tmp_path / "prompts", rows=2)
    roll_out(policy, samples=samples(2, 2))
    for _ in range(3):
        forward_backward(policy, (0, 3))
        policy.optim_step(replace(ADAMW, learning_rate=3e-2))
    checkpoint.mkdir()
    policy.save_state(checkpoint)

    fresh: Any = WanTransformer3DModel.from_pretrained(folder, subfolder="transformer")
    fresh.load_lora_adapter(checkpoint / "adapter", weight_name=FILE)
    assert fresh.peft_config["default_0"].lora_alpha == LORA.alpha
    loaded = [value for name, value in fresh.named_parameters() if "lora_" in name]
    for value, master in zip(loaded, policy.trainable.masters, strict=True):
        assert torch.equal(value, master)

    pipeline: Any = WanPipeline.from_pretrained(folder, scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0))
    pipeline.set_progress_bar_config(disable=True)
    x = torch.randn((1, *policy.model.latent_shape), generator=torch.Generator().manual_seed(1))
    sampling = {"height": 16, "width": 16, "num_frames": 9, "num_inference_steps": 1, "output_type": "latent"}
    before = pipeline("rain", latents=x, guidance_scale=1.0, **sampling).frames
    pipeline.load_lora_weights(checkpoint / "adapter")
    after = pipeline("rain", latents=x, guidance_scale=1.0, **sampling).frames
    with torch.no_grad():
        expected = x - policy.model.velocity(x, torch.ones(1), policy.model.encode(["rain"]), 1.0)
    torch.testing.assert_close(after, expected, rtol=1e-4, atol=1e-5)
    assert (before - after).abs().max() > 1e-3
