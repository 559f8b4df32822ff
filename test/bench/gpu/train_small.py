"""Training on the device gives what it gives on the CPU: Shapes and a small HunyuanVideo-1.5, a few iterations each.

The policy is called as the trainer calls it. Rewards are the share of red in the pixels: any function of them will do.
Where Node is on the machine, `through_the_trainer` runs the whole program as well.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from flops import Architecture
from measuring import Bench
from random_models import TINY, Size, random_hunyuan
from sage_worker.models.base import ModelOptions
from sage_worker.models.load import load_model
from sage_worker.policy import Adapter, PolicyOptions, TorchPolicy
from steps import optimizer_request, replay_request, rollout_request, sage_steps

ROOT = Path(__file__).resolve().parents[3]
SHAPES_PROMPTS = ("a red circle moving left", "a blue square moving up")
WORDS_PROMPTS = ("a paper boat", "a freight train crosses a viaduct")
ITERATIONS = 3
GROUP = 4

SMALL = Size(
    *(17, 128, 128),
    Architecture(65, 32, 8, 64, 4, 2, 4.0, 256),
    {
        **{"in_channels": 9, "out_channels": 4, "num_attention_heads": 8, "attention_head_dim": 64, "num_layers": 4},
        **{"num_refiner_layers": 2, "text_embed_dim": 256, "text_embed_2_dim": 64, "image_embed_dim": 32},
        **{"rope_axes_dim": (16, 24, 24), "task_type": "t2v"},
    },
    {**TINY.autoencoder, "block_out_channels": (16, 32, 32), "spatial_compression_ratio": 8},
    rank=8,
    text=24,
    empty=8,
)
"""HunyuanVideo-1.5 with 4 blocks of width 512; 9 x 16 x 16 latent positions."""

Trained = dict[str, list[float]]
"""Numbers of every iteration, by name."""


def run(bench: Bench) -> None:
    """Both models on the CPU and on the device, and the differences."""
    rounds = 1 if bench.tiny else ITERATIONS
    cases: dict[str, Callable[[torch.device], Trained]] = {
        "shapes": lambda device: train(shapes(bench, device), SHAPES_PROMPTS, rounds),
        "small hunyuan-video-1.5, float32": lambda device: train(hunyuan(bench, device), WORDS_PROMPTS, rounds),
    }
    for name, trained in cases.items():
        here = trained(torch.device("cpu"))
        there = trained(bench.device)
        differences = {key: difference(there[key], here[key]) for key in here}
        bench.add("train", f"{name}: parity with the CPU", relativeDifference=differences, onDevice=there, onCpu=here)
    through_the_trainer(bench)


def shapes(bench: Bench, device: torch.device) -> TorchPolicy:
    """The packaged Shapes model, all parameters trained."""
    options = ModelOptions(
        weights=None,
        frames=8,
        height=32,
        width=32,
        precision=torch.float32,
        cache=bench.scratch / "cache",
        device=device,
    )
    trained = PolicyOptions(adapter=None, precision=torch.float32, rows=GROUP, offload_anchor=False)
    return TorchPolicy(load_model("shapes", options), trained)


def hunyuan(bench: Bench, device: torch.device) -> TorchPolicy:
    """The small HunyuanVideo-1.5 with LoRA, from the same random weights on every device."""
    size = TINY if bench.tiny else SMALL
    # Random numbers of a GPU are others than those of a CPU: the weights are made on the CPU and moved.
    host = replace(bench, device=torch.device("cpu"), scratch=bench.scratch / "small")
    host.scratch.mkdir(exist_ok=True)
    model = random_hunyuan(host, size)
    model.precision = model.latent_dtype = torch.float32
    model.device = device
    model.network.float().to(device)
    model.vae.float().to(device)
    encode = model.encode
    model.encode = lambda prompts: [{k: v.float() for k, v in one.items()} for one in encode(prompts)]
    model.encode([])
    model.unconditional = {k: v.float() for k, v in model.unconditional.items()}
    trained = PolicyOptions(
        adapter=Adapter(size.rank, 2.0 * size.rank),
        precision=torch.float32,
        rows=1,
        activation_checkpointing=True,
        seed=0,
    )
    return TorchPolicy(model, trained)


def train(policy: TorchPolicy, prompts: tuple[str, ...], rounds: int) -> Trained:
    """A few iterations of SAGE-GRPO; the numbers that the trainer would record."""
    table = sage_steps(6)
    explored = tuple(range(5))
    seen: Trained = {"reward": [], "logProbability": [], "loss": [], "gradientNorm": [], "drift": [], "updateNorm": []}
    for iteration in range(rounds):
        videos: dict[int, Tensor] = {}
        request = rollout_request(
            table, explored, GROUP, guidance=3.0, prompts=prompts, iteration=iteration, handle=str(iteration)
        )
        result = policy.rollout(request, partial(collect, videos), lambda *_: None)
        rewards = [redness(videos[i]) for i in range(len(request.samples))]
        advantages = normalised(rewards)
        seen["reward"].append(statistics.fmean(rewards))
        seen["logProbability"].append(statistics.fmean(x for row in result.log_probs for x in row))
        micro = policy.options.rows
        works = [
            (step, tuple(range(start, start + micro))) for start in range(0, len(rewards), micro) for step in explored
        ]
        results = [
            result
            for step, samples in works
            for result in policy.forward_backward(
                replay_request(
                    step,
                    samples,
                    tuple(advantages[i] for i in samples),
                    handle=str(iteration),
                    gradient_scale=1 / len(works),
                )
            )
        ]
        if iteration == 0:
            seen["ratioDeviation"] = [max(each.ratio_deviation for each in results)]
        seen["loss"].append(statistics.fmean(each.loss for each in results))
        seen["gradientNorm"].append(statistics.fmean(each.gradient_norm or 0.0 for each in results))
        seen["drift"].append(statistics.fmean(each.drift_reference or 0.0 for each in results))
        seen["updateNorm"].append(policy.optim_step(optimizer_request(1e-3)).update_norm)
        policy.set_anchor()
        policy.release(str(iteration))
    return seen


def collect(videos: dict[int, Tensor], at: list[int], made: Tensor) -> None:
    """Keeps the videos of a pass."""
    videos.update(zip(at, made, strict=True))


def redness(video: Tensor) -> float:
    """How much redder than green the pixels [F, H, W, 3] are on the average."""
    pixels = video.float() / (255.0 if video.dtype == torch.uint8 else 1.0)
    return float((pixels[..., 0] - pixels[..., 1]).mean())


def normalised(rewards: list[float]) -> list[float]:
    """Advantages of groups of GROUP (method.md)."""
    advantages = []
    for start in range(0, len(rewards), GROUP):
        group = rewards[start : start + GROUP]
        deviation = max(statistics.pstdev(group), 1e-6)
        advantages += [(reward - statistics.fmean(group)) / deviation for reward in group]
    return advantages


def difference(a: list[float], b: list[float]) -> float:
    """Largest difference over the largest value; 0 where both are 0."""
    largest = max(map(abs, b))
    apart = max(abs(x - y) for x, y in zip(a, b, strict=True))
    return apart / largest if largest > 0 else apart


def through_the_trainer(bench: Bench) -> None:
    """`sage-grpo train` on Shapes with the torch policy, where SAGE_GRPO says how to start the program."""
    name, program = "through sage-grpo train", os.environ.get("SAGE_GRPO")
    if program is None:
        bench.add("train", name, left="SAGE_GRPO names no program")
        return
    runs = bench.scratch / "runs"
    settings = [
        "policy.backend=torch",
        f"training.iterations={2 if bench.tiny else 20}",
        "checkpoints.every=0",
        "videos.every=0",
    ]
    command = [*shlex.split(program), "train", str(ROOT / "examples" / "shapes.sage.yaml"), "--runs", str(runs)]
    command += [part for setting in settings for part in ("--set", setting)]
    environment = {**os.environ, "SAGE_PYTHON": sys.executable}
    left = max(60.0, bench.seconds_left())
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=left, check=False)
    events = [json.loads(line) for file in runs.glob("*/events.jsonl") for line in file.read_text().splitlines()]
    iterations = [event for event in events if event["kind"] == "iteration"]
    bench.add(
        "train",
        name,
        code=done.returncode,
        iterations=len(iterations),
        rewards=[event["reward"]["mean"] for event in iterations],
        output=(done.stdout + done.stderr).splitlines()[-6:],
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-600:]}")
