"""The way of the released code on the same model and device, to say by how much the worker is faster.

What it does otherwise (hyvideo/utils/grpo_utils.py of the release of 2026-03): every prompt is padded to 1,985 tokens
(1,000 of Qwen, 256 of ByT5, 729 of an image that is not there) under a dense mask of pairs; the reference is a second
full model, moved to the device and back to the CPU once an iteration (`reference_mode_offload`), which computes its
means for all samples and steps before training; one sample and one step at a time; sampling, decoding and scoring one
after the other. What it shares: LoRA of the same rank, bfloat16, activation checkpointing, decoding in tiles, the
kernel table and the loss. Both branches of guidance are in one batch. The drift from the pre-trained model, which it
does not measure, is left out on both sides.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from hardware import matrix_rate
from hunyuan import STEPS, operations, reached, scorer
from measuring import Bench, Record, free, peak, timed, wait
from random_models import Size, policy_of, random_hunyuan, size_of
from sage_worker.loss import log_probability
from steps import sage_steps

QWEN, BYT5, IMAGE = 1000, 256, 729
TINY_TEXT = (8, 4, 3)


def run(bench: Bench) -> None:
    """The same measurements as `hunyuan`, and the same extrapolation."""
    size = size_of(bench)
    limit = matrix_rate(bench)
    score = scorer(bench)
    with peak(bench.device) as building:
        model = random_hunyuan(bench, size)
        model.choose_attention(masked=False)
        reference = copy.deepcopy(model.network).cpu().eval().requires_grad_(False)
        policy = policy_of(bench, model, size)
        padded = Padded(bench, model, size)
    as_diffusers_does(model.network)
    as_diffusers_does(reference)
    bench.add("baseline", "model", textTokens=padded.text, **building)
    counted = operations(size, model.tokens())
    useful = sum(branch.forward for branch in counted)

    x = torch.randn(1, *model.latent_shape, device=bench.device)
    step = sage_steps(STEPS)[1]

    @torch.no_grad()
    def sample() -> Tensor:
        velocity = padded.velocity(model.network, x, step.sigma)
        noise = torch.randn(x.shape, device=bench.device)
        return step.a * x + step.b * velocity + step.s * noise

    sampled = timed(bench, sample, repeats=3)
    bench.add("baseline", "rollout step, guided", **reached(useful, sampled["ms"], limit), **sampled)

    latents = torch.randn(1, *model.latent_shape)
    decode = timed(bench, lambda: model.decode(latents), repeats=2)
    bench.add("baseline", "decoding one video", **decode)

    there = timed(bench, lambda: reference.to(bench.device), repeats=1, warm=0)
    mean = timed(bench, lambda: reference_mean(padded, reference, x, step.sigma), repeats=2)
    back = timed(bench, lambda: reference.to("cpu"), repeats=1, warm=0)
    free(bench.device)
    bench.add("baseline", "reference, to the device and back", ms=there["ms"] + back["ms"])
    bench.add("baseline", "reference, one step of one sample", **mean)

    trained = [p for p in model.network.parameters() if p.requires_grad]
    held = sample()
    anchor = padded_velocity_without_gradient(padded, model.network, x, step.sigma)

    def replay() -> None:
        velocity = padded.velocity(model.network, x, step.sigma)
        columns = [
            torch.full((1,), value or 0.0, device=bench.device)
            for value in (step.a, step.b, step.logprob_scale, step.logprob_offset)
        ]
        logprob = log_probability(velocity.flatten(1), x.flatten(1), held.flatten(1), *columns)
        ratio = torch.exp(logprob - logprob.detach())
        drift = (step.b * (velocity - anchor)).square().mean() / (2 * (step.s**2 + 1e-6))
        (-ratio.mean() + 1e-5 * drift).backward()
        for parameter in trained:
            parameter.grad = None

    replayed = timed(bench, replay, repeats=2)
    needed = sum(branch.training for branch in counted)
    bench.add("baseline", "update step", **reached(needed, replayed["ms"], limit), **replayed)
    scored = bench.add("baseline", "VideoAlign, one video", **score())
    del policy
    parts = {
        **{"stepMs": sampled["ms"], "decodeMs": decode["ms"], "scoreMs": scored["ms"]},
        **{"referenceMs": mean["ms"], "movedMs": there["ms"] + back["ms"], "replayMs": replayed["ms"]},
    }
    bench.add("baseline", "iteration, extrapolated", **whole(parts))


def whole(parts: dict[str, float], samples: int = 4, trained: int = 19) -> Record:
    """An iteration of the same size as the worker's, with nothing overlapped."""
    rolled = samples * (STEPS * parts["stepMs"] + parts["decodeMs"] + parts["scoreMs"])
    updated = samples * trained * (parts["referenceMs"] + parts["replayMs"])
    return {
        "seconds": {"with anchor": round((rolled + parts["movedMs"] + updated) / 1e3, 2)},
        "formula": "N (T step + decode + score) + moved + N K (reference + replay)",
        "values": {"N": samples, "T": STEPS, "K": trained, **parts},
    }


def as_diffusers_does(network: Any) -> None:
    """Attention with diffusers' own mask of pairs."""
    from diffusers.models.transformers.transformer_hunyuan_video15 import HunyuanVideo15AttnProcessor2_0

    for block in network.transformer_blocks:
        block.attn.set_processor(HunyuanVideo15AttnProcessor2_0())


class Padded:
    """Prompts padded to a fixed length, both branches in one batch."""

    def __init__(self, bench: Bench, model: Any, size: Size) -> None:
        config = model.network.config
        qwen, byt5, image = TINY_TEXT if bench.tiny else (QWEN, BYT5, IMAGE)
        self.text = qwen + byt5 + image
        lengths = torch.tensor([size.text, size.empty], device=bench.device)
        self.given = {
            "encoder_hidden_states": torch.randn(2, qwen, config.text_embed_dim),
            "encoder_hidden_states_2": torch.zeros(2, byt5, config.text_embed_2_dim),
            "image_embeds": torch.zeros(2, image, config.image_embed_dim),
        }
        self.given = {name: value.to(bench.device, bench.precision) for name, value in self.given.items()}
        self.given["encoder_attention_mask"] = torch.arange(qwen, device=bench.device)[None] < lengths[:, None]
        self.given["encoder_attention_mask_2"] = torch.zeros(2, byt5, dtype=torch.bool, device=bench.device)

    def velocity(self, network: Any, x: Tensor, sigma: float, guidance: float = 6.0) -> Tensor:
        """Guided velocity of one sample, [1, *latent_shape] in float32."""
        latents = x.to(network.dtype)
        hidden = torch.cat([latents, torch.zeros_like(latents), torch.zeros_like(latents[:, :1])], dim=1)
        times = torch.full((2,), 1000 * sigma, device=x.device).to(latents.dtype)
        both = network(hidden.expand(2, -1, -1, -1, -1), times, return_dict=False, **self.given)[0].float()
        conditional, without = both.chunk(2)
        guided: Tensor = without + guidance * (conditional - without)
        return guided


@torch.no_grad()
def reference_mean(padded: Padded, reference: Any, x: Tensor, sigma: float) -> Tensor:
    """The mean under the reference, kept on the CPU."""
    return padded.velocity(reference, x, sigma).cpu()


@torch.no_grad()
def padded_velocity_without_gradient(padded: Padded, network: Any, x: Tensor, sigma: float) -> Tensor:
    """As it would have come from the reference."""
    velocity = padded.velocity(network, x, sigma)
    wait(x.device)
    return velocity
