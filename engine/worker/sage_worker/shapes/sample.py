"""Samples videos from the Shapes policy in PyTorch by the deterministic (ODE) sampler; used to look at a pre-training.

python -m sage_worker.shapes.sample --weights FOLDER --out FILE [--per-prompt 2] [--steps 10] [--seed 930]

Writes safetensors: `videos` float32 [N, 8, 32, 32, 3] and `words` int32 [N, 3], over all 72 prompts.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from sage_worker.shapes.model import LATENT_SIZE, WORD_COUNTS, ShapesModel
from sage_worker.shapes.weights import load_decoder, load_policy


def schedule(steps: int, shift: float) -> Tensor:
    """Noise levels from 1 to 0; [steps + 1]."""
    u = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    return (shift * u / (1 + (shift - 1) * u)).float()


def all_words(repeats: int) -> Tensor:
    """Every combination of words, `repeats` times each; [72 repeats, 3]."""
    return torch.cartesian_prod(*(torch.arange(n) for n in WORD_COUNTS)).repeat_interleave(repeats, dim=0)


@torch.no_grad()
def sample(model: ShapesModel, words: Tensor, noise: Tensor, steps: int, shift: float) -> Tensor:
    """Latents [N, 768] from noise by Euler steps."""
    x = noise
    sigmas = schedule(steps, shift)
    for now, after in itertools.pairwise(sigmas):
        x = x + (after - now) * model(x, now.expand(len(x)), words)
    return x


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--per-prompt", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--shift", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=930)
    args = parser.parse_args()
    torch.set_num_threads(2)
    words = all_words(args.per_prompt)
    noise = torch.randn(len(words), LATENT_SIZE, generator=torch.Generator().manual_seed(args.seed))
    latents = sample(load_policy(args.weights / "policy.safetensors"), words, noise, args.steps, args.shift)
    with torch.no_grad():
        videos = load_decoder(args.weights / "decoder.safetensors")(latents).clamp(0, 1)
    save_file({"videos": videos.contiguous(), "words": words.int()}, args.out)
    print(f"{args.out}: {len(videos)} videos")


if __name__ == "__main__":
    main()
