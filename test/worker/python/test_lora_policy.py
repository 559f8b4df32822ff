"""LoRA on tiny instances of the real models: replay is exact, the anchor moves, checkpoints are diffusers' adapters."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import HunyuanVideo15Transformer3DModel
from safetensors.torch import load_file

from policies import ADAMW, LORA, PROMPTS, forward_backward, kernel_steps, real_policy, roll_out, samples, update
from sage_worker.errors import WorkerError
from sage_worker.models import text_cache
from sage_worker.models.adapters import FILE
from sage_worker.policy import Adapter, TorchPolicy
from tiny import write_hunyuan_video, write_wan

HUNYUAN, WAN = "hunyuan-video-1.5", "wan-2.1"
# Large enough that a few updates show in bfloat16.
FAST = replace(ADAMW, learning_rate=3e-2)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {
        HUNYUAN: write_hunyuan_video(root / "hunyuan"),
        WAN: write_wan(root / "wan"),
        "prompts": root / "prompts",
    }


def lora(folders: dict[str, Path], name: str = HUNYUAN, **options: Any) -> TorchPolicy:
    return real_policy(name, folders[name], folders["prompts"], **{"rows": 2, **options})


def move(policy: TorchPolicy, updates: int = 1) -> None:
    """Updates that are seen."""
    for _ in range(updates):
        forward_backward(policy, (0, 3))
        policy.optim_step(FAST)


@pytest.mark.parametrize(
    ("name", "guidance", "options"),
    [
        (HUNYUAN, 1.0, {}),
        (HUNYUAN, 4.0, {"guidance_batching": "sequential", "precision": torch.bfloat16}),
        (HUNYUAN, 4.0, {"guidance_batching": "batched", "activation_checkpointing": True}),
        (HUNYUAN, 4.0, {"guidance_batching": "batched", "precision": torch.bfloat16, "rows_per_pass": 2}),
        (WAN, 1.0, {"precision": torch.bfloat16, "activation_checkpointing": True}),
        (WAN, 4.0, {"guidance_batching": "batched", "rows_per_pass": 3, "rows": 3}),
    ],
)
def test_the_first_replay_has_a_ratio_of_exactly_one(
    folders: dict[str, Path], name: str, guidance: float, options: dict[str, Any]
) -> None:
    policy = lora(folders, name, **options)
    roll_out(policy, samples=samples(2, 2), guidance=guidance)
    size = policy.options.rows
    for step in (0, 3):
        for of in ((2, 1, 3)[:size], (3, 0, 2)[:size]):
            replayed = forward_backward(policy, of, step=step)
            assert (replayed.ratio, replayed.ratio_deviation, replayed.kl_anchor) == (1, 0, 0)
            assert replayed.gradient_norm is not None and replayed.gradient_norm > 0
    move(policy)
    assert forward_backward(policy, (0, 3)).ratio_deviation > 0


@pytest.mark.parametrize(
    ("name", "adapter", "precision"),
    [
        (HUNYUAN, LORA, torch.float32),
        (HUNYUAN, LORA, torch.bfloat16),
        (WAN, None, torch.float32),
        (WAN, None, torch.bfloat16),
    ],
)
def test_the_anchor_is_refreshed_and_then_stays(
    folders: dict[str, Path], name: str, adapter: Adapter | None, precision: torch.dtype
) -> None:
    policy = lora(folders, name, adapter=adapter, precision=precision)
    roll_out(policy, guidance=3.0, samples=samples(2, 2))
    conditions = policy.model.encode(["a red circle moving left"] * 2)
    size = math.prod(policy.model.latent_shape)
    x = torch.linspace(-1, 1, 2 * size).reshape(2, *policy.model.latent_shape)

    @torch.no_grad()
    def velocity() -> torch.Tensor:
        return policy.model.velocity(x, torch.tensor([0.7, 0.2]), conditions, 3.0)

    pretrained = velocity()
    move(policy, 2)
    # Fixed: the anchor is the pre-trained model, which is the network without its adapters.
    fixed = forward_backward(policy, (0, 3))
    assert fixed.kl_anchor > 0 and fixed.drift_anchor == fixed.drift_reference
    moved = velocity()
    assert not torch.equal(moved, pretrained)
    policy.set_anchor()
    refreshed = forward_backward(policy, (0, 3))
    assert (refreshed.kl_anchor, refreshed.drift_anchor) == (0, 0)
    assert refreshed.drift_reference == fixed.drift_reference
    move(policy)
    with policy.trainable.using("anchor"):
        assert torch.equal(velocity(), moved)
    with policy.trainable.using("reference"):
        assert torch.equal(velocity(), pretrained)
    assert not torch.equal(velocity(), moved)
    later = forward_backward(policy, (0, 3))
    assert later.kl_anchor > 0 and later.drift_anchor != later.drift_reference
    none = forward_backward(policy, (0, 3), use_anchor=False, measure_reference=False)
    assert (none.kl_anchor, none.drift_anchor, none.drift_reference) == (0, None, None)


@pytest.mark.parametrize(
    ("name", "adapter", "precision"),
    [
        (HUNYUAN, LORA, torch.bfloat16),
        (HUNYUAN, None, torch.float32),
        (WAN, LORA, torch.float32),
        (WAN, None, torch.bfloat16),
    ],
)
def test_activation_checkpointing_computes_blocks_twice_and_changes_no_number(
    folders: dict[str, Path], name: str, adapter: Adapter | None, precision: torch.dtype
) -> None:
    said, passes = [], []
    for on in (False, True):
        policy = lora(folders, name, adapter=adapter, precision=precision, activation_checkpointing=on)
        calls: list[bool] = []
        for block in policy.model.blocks():
            next(block.children()).register_forward_hook(lambda *_, calls=calls: calls.append(torch.is_grad_enabled()))
        result, videos = roll_out(policy, samples=samples(2, 2), guidance=3.0)
        assert len(calls) > 0 and not any(calls)
        sampled = len(calls)
        replayed = update(policy, (0, 3))
        passes.append((sampled, len(calls) - sampled))
        bright = [float(video.float().mean()) for video in videos.values()]
        said.append([result.log_probs, bright, replayed, forward_backward(policy, (1, 2), step=3)])
    assert said[0] == said[1]
    assert passes[1] == (passes[0][0], 2 * passes[0][1])


def test_prompts_are_encoded_ahead_of_rollouts_and_draw_no_random_numbers(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = real_policy(WAN, folders[WAN], tmp_path / "prompts")
    before = torch.get_rng_state()
    policy.encode_prompts([*PROMPTS, PROMPTS[0]])
    assert torch.equal(torch.get_rng_state(), before)
    assert len(list((tmp_path / "prompts").glob("*.safetensors"))) == len(PROMPTS) + 1
    with monkeypatch.context() as patch:
        patch.setattr(policy.model, "encode_missing", None)
        roll_out(policy, guidance=3.0)
        # What is there is not read before a rollout needs it.
        patch.setattr(text_cache, "read", None)
        policy.encode_prompts(PROMPTS)


def test_only_the_adapter_of_the_blocks_is_trained(folders: dict[str, Path]) -> None:
    policy = lora(folders)
    network = policy.model.network
    before = {name: value.clone() for name, value in network.named_parameters()}
    roll_out(policy, samples=samples(2, 2))
    move(policy, 2)
    changed = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith("transformer_blocks.0.") and ".default." in name for name in changed)
    trained = {name for name, value in network.named_parameters() if value.requires_grad}
    assert changed <= trained and all(".default." in name for name in trained)
    assert policy.describe()["parameters"] == sum(before[name].numel() for name in trained)


def test_updates_finer_than_bfloat16_add_up_in_float32(folders: dict[str, Path]) -> None:
    policy = lora(folders, precision=torch.bfloat16)
    trained = [value for value in policy.model.network.parameters() if value.requires_grad]
    assert {value.dtype for value in trained} == {torch.bfloat16}
    start = [
        (value.detach().clone(), master.clone())
        for value, master in zip(trained, policy.trainable.masters, strict=True)
    ]
    roll_out(policy, samples=samples(2, 2))
    updates = 3
    for _ in range(updates):
        forward_backward(policy, (0, 3), beta=0.0)
        policy.optim_step(replace(ADAMW, learning_rate=1e-6, weight_decay=0.0))
    rounded = moved = 0
    for value, master, (old_value, old_master) in zip(trained, policy.trainable.masters, start, strict=True):
        # Coarse enough that none of these updates reaches the next number.
        coarse = (old_master.abs() > 0.01) & (master != old_master)
        rounded += int((coarse & (value == old_value)).sum())
        moved += int(coarse.sum())
        torch.testing.assert_close(value.detach(), master.bfloat16(), rtol=0, atol=0)
        assert float((master - old_master).abs().max()) <= updates * 1.01e-6
    assert rounded > 100 and rounded > 0.9 * moved


def test_the_same_seed_begins_with_the_same_adapter(folders: dict[str, Path]) -> None:
    first, second, other = (lora(folders, seed=seed) for seed in (4, 4, 5))
    same = [torch.equal(a, b) for a, b in zip(first.trainable.masters, second.trainable.masters, strict=True)]
    assert all(same)
    assert not all(torch.equal(a, b) for a, b in zip(first.trainable.masters, other.trainable.masters, strict=True))


def go_on(policy: TorchPolicy) -> list[object]:
    result, _ = roll_out(policy, samples=samples(2, 2, 7), guidance=2.0)
    said: list[object] = [result.log_probs]
    for step in (0, 1, 3):
        said += [forward_backward(policy, (0, 3), step=step), policy.optim_step(ADAMW)]
        policy.set_anchor() if step == 1 else None
    return said


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_resumed_run_goes_on_to_the_bit_and_diffusers_loads_its_adapter(
    folders: dict[str, Path], tmp_path: Path, precision: torch.dtype
) -> None:
    policy = lora(folders, precision=precision)
    roll_out(policy, samples=samples(2, 2))
    move(policy)
    assert policy.save_state(tmp_path) == [f"adapter/{FILE}", "optimizer.safetensors", "rng.safetensors"]
    policy.set_anchor()
    move(policy)
    saved = tmp_path / "with-anchor"
    saved.mkdir()
    assert policy.save_state(saved)[:2] == [f"adapter/{FILE}", f"anchor/{FILE}"]
    fresh: Any = HunyuanVideo15Transformer3DModel.from_pretrained(folders[HUNYUAN], subfolder="transformer")
    fresh.load_lora_adapter(saved / "adapter", weight_name=FILE)
    loaded = [value for name, value in fresh.named_parameters() if "lora_" in name]
    for value, master in zip(loaded, policy.trainable.masters, strict=True):
        assert torch.equal(value, master)
    expected = go_on(policy)
    resumed = lora(folders, precision=precision, seed=9)
    resumed.load_state(saved)
    assert go_on(resumed) == expected


def test_a_checkpoint_of_another_rank_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    lora(folders, adapter=replace(LORA, rank=2)).save_state(tmp_path)
    with pytest.raises(WorkerError, match=r"adapter.*the adapter and its rank"):
        lora(folders).load_state(tmp_path)


def test_what_prepares_a_model_sees_its_adapters(folders: dict[str, Path]) -> None:
    seen: list[str] = []
    lora(folders, prepare=lambda model: seen.extend(name for name, _ in model.network.named_parameters()))
    assert any(".anchor." in name for name in seen) and any(".default." in name for name in seen)


def test_shapes_takes_no_adapter() -> None:
    from policies import model_options, policy_options
    from sage_worker.models.shapes import load_shapes

    with pytest.raises(WorkerError, match="takes no LoRA adapter"):
        TorchPolicy(load_shapes(model_options()), policy_options(adapter=LORA))


@pytest.mark.parametrize("name", [HUNYUAN, WAN])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_full_fine_tuning_of_a_real_model_resumes_to_the_bit_from_shards(
    folders: dict[str, Path], tmp_path: Path, name: str, precision: torch.dtype
) -> None:
    policy = lora(folders, name, adapter=None, precision=precision)
    roll_out(policy, samples=samples(2, 2), guidance=2.0, steps=kernel_steps("sage"))
    first = update(policy, (0, 3))
    assert (first.ratio, first.ratio_deviation, first.kl_anchor) == (1, 0, 0)
    assert forward_backward(policy, (0, 3)).kl_anchor > 0
    policy.optim_step(ADAMW)
    policy.set_anchor()
    assert forward_backward(policy, (0, 3)).kl_anchor == 0
    policy.optim_step(ADAMW)
    files = policy.save_state(tmp_path)
    assert {Path(file).parts[0] for file in files} == {"anchor", "optimizer", "policy", "rng.safetensors"}
    assert all(
        value.dtype == torch.float32 for value in load_file(tmp_path / next(f for f in files if "policy" in f)).values()
    )
    expected = go_on(policy)
    resumed = lora(folders, name, adapter=None, precision=precision)
    resumed.load_state(tmp_path)
    assert go_on(resumed) == expected
