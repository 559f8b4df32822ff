"""Pre-trains the Shapes policy from scratch: the autoencoder, then the flow model in its latents. Seeded, CPU only.

python -m sage_worker.shapes.pretrain --dataset FILE --out FOLDER [--seed S] [--quick]
"""

from __future__ import annotations

import argparse
import copy
import math
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sage_worker.progress import Progress, clock
from sage_worker.shapes.autoencoder import Autoencoder
from sage_worker.shapes.export import (
    MODEL_INPUTS,
    TRACE_BATCH,
    export_encoder,
    export_graph,
    parameter_names,
    random_inputs,
    velocity_function,
)
from sage_worker.shapes.graphs import open_session
from sage_worker.shapes.model import CHANNELS, LATENT_SIZE, NULL_WORDS, ShapesModel
from sage_worker.shapes.weights import load_decoder, save_decoder, save_policy


@dataclass(frozen=True)
class Stage:
    """Optimisation of one of the two networks: AdamW with linear warm-up and cosine decay."""

    steps: int
    batch: int
    rate: float
    weight_decay: float
    warmup: int = 100


AUTOENCODER = Stage(steps=4000, batch=12, rate=2e-3, weight_decay=1e-4)
FLOW = Stage(steps=20000, batch=64, rate=2e-3, weight_decay=1e-3)
FLOW_PARTS = 2
"""Parts of a batch, each computed by one thread. It decides the rounding of gradients, so it is a constant."""
QUICK_SHARE = 50
"""--quick divides the steps by this: a check that the command works, not a usable policy."""
LATENT_NOISE = 0.05
"""Noise on normalised latents while the autoencoder is trained: neighbours of a latent must decode alike."""
MOTION_WEIGHT = 2.0
"""Weight of the error of frame differences in the autoencoder's loss."""
SHIFT = 3.0
"""Noise levels are drawn like the sampler's schedule with this shift (method.md, Notation)."""
CONDITION_DROPOUT = 0.1
EMA_DECAY = 0.999


def optimise(
    title: str, model: nn.Module, stage: Stage, gradients: Callable[[], float], after: Callable[[int], None]
) -> None:
    """Runs a stage. `gradients` draws a batch, fills the parameters' gradients and returns the loss; `after` gets the
    index of each finished step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=stage.rate, betas=(0.9, 0.99), weight_decay=stage.weight_decay)
    progress = Progress(title, stage.steps)
    average = math.nan
    for step in range(stage.steps):
        decay = 0.5 * (1 + math.cos(math.pi * step / stage.steps))
        for group in optimizer.param_groups:
            group["lr"] = stage.rate * min(1.0, (step + 1) / stage.warmup) * max(decay, 0.01)
        optimizer.zero_grad(set_to_none=True)
        value = gradients()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        after(step)
        average = value if math.isnan(average) else 0.99 * average + 0.01 * value
        progress.update(step + 1, f"loss {average:.5f}")


class Batches:
    """Endless shuffled batches of indices; every item is seen once an epoch."""

    def __init__(self, count: int, size: int, generator: torch.Generator) -> None:
        self.count, self.size, self.generator = count, min(size, count), generator
        self.order = torch.empty(0, dtype=torch.int64)

    def next(self) -> Tensor:
        """The next [size] indices."""
        if len(self.order) < self.size:
            self.order = torch.randperm(self.count, generator=self.generator)
        batch, self.order = self.order[: self.size], self.order[self.size :]
        return batch


def train_autoencoder(videos: Tensor, stage: Stage, generator: torch.Generator) -> Autoencoder:
    """Trains the autoencoder on uint8 videos [N, 8, 32, 32, 3] and fixes the latents' mean and deviation."""
    model = Autoencoder()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = Batches(len(videos), stage.batch, generator)

    def gradients() -> float:
        pixels = videos[batches.next()].float() / 255.0
        latents = model.encoder(pixels).reshape(-1, CHANNELS, LATENT_SIZE // CHANNELS)
        # Normalised by the batch: latents have unit scale at once, and noise on them a meaning.
        centred = latents - latents.mean(dim=(0, 2), keepdim=True)
        latents = centred / torch.sqrt(centred.square().mean(dim=(0, 2), keepdim=True) + 1e-6)
        latents = latents + LATENT_NOISE * torch.randn(latents.shape, generator=generator)
        error = model.decoder(latents.reshape(-1, LATENT_SIZE)) - pixels
        # Without the second term the two frames of a latent come out alike: the motion between them is a thin edge.
        change = error[:, 1:] - error[:, :-1]
        loss = error.square().mean() + MOTION_WEIGHT * change.square().mean() + 0.02 * error.abs().mean()
        loss.backward()
        return loss.item()

    optimise("autoencoder", model, stage, gradients, lambda _: None)
    measure_latents(model, videos[:4096])
    return model.eval().requires_grad_(False)


@torch.no_grad()
def measure_latents(model: Autoencoder, videos: Tensor) -> None:
    """Sets the latents' per-channel mean and standard deviation from data."""
    latents = torch.cat([model.encoder(chunk.float() / 255.0) for chunk in videos.split(128)])
    channels = latents.reshape(-1, CHANNELS, LATENT_SIZE // CHANNELS)
    model.mean.copy_(channels.mean(dim=(0, 2)))
    model.std.copy_(channels.std(dim=(0, 2)))


@torch.no_grad()
def encode(model: Autoencoder, videos: Tensor) -> Tensor:
    """All videos as normalised latents [N, 768]."""
    return torch.cat([model.encode(chunk.float() / 255.0) for chunk in videos.split(128)])


def flow_gradients(model: ShapesModel, pool: ThreadPoolExecutor) -> Callable[..., tuple[float, list[Tensor]]]:
    """(mixed, sigma, words, target) -> mean squared error and its gradients by onnxruntime, one core for each part.

    The same export as the policy's update graph; it is more than twice as fast as PyTorch's eager mode on a CPU.
    """
    names = parameter_names(model)
    velocity = velocity_function(model, guided=False)

    def error(*args: Tensor) -> tuple[Tensor, ...]:
        params = [p.detach().requires_grad_() for p in args[: len(names)]]
        loss = (velocity(*params, *args[len(names) : -1]) - args[-1]).square().mean()
        return (loss.detach(), *torch.autograd.grad(loss, params))

    inputs = [*MODEL_INPUTS, "target"]
    sample = random_inputs(MODEL_INPUTS, TRACE_BATCH, torch.Generator().manual_seed(0))
    sample.append(torch.randn(TRACE_BATCH, LATENT_SIZE))
    outputs = ["loss", *(f"grad:{name}" for name in names)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flow.onnx"
        export_graph(error, [*(p.detach() for p in model.parameters()), *sample], [*names, *inputs], outputs, file)
        session = open_session(file, threads=1)

    def run(*batch: Tensor) -> tuple[float, list[Tensor]]:
        params = {name: p.detach().numpy() for name, p in zip(names, model.parameters(), strict=True)}

        def run_part(part: tuple[Tensor, ...]) -> list[np.ndarray]:
            return session.run(outputs, params | {name: v.numpy() for name, v in zip(inputs, part, strict=True)})

        parts = zip(*(value.chunk(FLOW_PARTS) for value in batch), strict=True)
        sums = [sum(values) for values in zip(*pool.map(run_part, parts), strict=True)]
        loss, *found = (value / FLOW_PARTS for value in sums)
        return float(loss), [torch.from_numpy(value) for value in found]

    return run


def train_flow(latents: Tensor, words: Tensor, stage: Stage, generator: torch.Generator, threads: int) -> ShapesModel:
    """Rectified flow on normalised latents [N, 768] with captions [N, 3]; returns the moving average of the weights."""
    model = ShapesModel()
    averaged = copy.deepcopy(model).requires_grad_(False)
    batches = Batches(len(latents), stage.batch, generator)
    null = torch.tensor(NULL_WORDS)

    def gradients() -> float:
        chosen = batches.next()
        count = len(chosen)
        # Stratified uniform draws halve the loss's variance over noise levels.
        uniform = (torch.arange(count) + torch.rand(count, generator=generator)) / count
        sigma = SHIFT * uniform / (1 + (SHIFT - 1) * uniform)
        clean = latents[chosen]
        noise = torch.randn(clean.shape, generator=generator)
        dropped = torch.rand(count, generator=generator) < CONDITION_DROPOUT
        condition = torch.where(dropped[:, None], null, words[chosen])
        mixed = (1 - sigma[:, None]) * clean + sigma[:, None] * noise
        loss, found = compute(mixed, sigma, condition, noise - clean)
        for parameter, gradient in zip(model.parameters(), found, strict=True):
            parameter.grad = gradient
        return loss

    def average(step: int) -> None:
        decay = min(EMA_DECAY, (step + 1) / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)

    with ThreadPoolExecutor(threads) as pool:
        compute = flow_gradients(model, pool)
        optimise("flow model", model, stage, gradients, average)
    return averaged


def shortened(stage: Stage, quick: bool) -> Stage:
    """The stage, or a fiftieth of it."""
    if not quick:
        return stage
    return Stage(max(2, stage.steps // QUICK_SHARE), stage.batch, stage.rate, stage.weight_decay, stage.warmup)


def seeded(seed: int) -> torch.Generator:
    """Seeds initial weights and returns a generator for everything else; each stage has its own."""
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="safetensors with videos and words")
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the steps, to check the command")
    parser.add_argument("--autoencoder", type=Path, help="file to keep the whole autoencoder in; used if it exists")
    args = parser.parse_args()
    start = time.monotonic()
    torch.set_num_threads(args.threads)
    data = load_file(args.dataset)
    args.out.mkdir(parents=True, exist_ok=True)
    extra = {"seed": str(args.seed), "dataset_videos": str(len(data["videos"]))}

    kept: Path | None = args.autoencoder
    if kept is not None and kept.exists():
        autoencoder = Autoencoder()
        autoencoder.load_state_dict(load_file(kept))
    else:
        generator = seeded(args.seed)
        autoencoder = train_autoencoder(data["videos"], shortened(AUTOENCODER, args.quick), generator)
        if kept is not None:
            save_file({name: value.contiguous() for name, value in autoencoder.state_dict().items()}, kept)
    save_decoder(autoencoder.decoder, args.out / "decoder.safetensors", extra)
    # The flow model learns latents for the decoder that is kept, whose numbers were rounded by saving it.
    autoencoder.decoder.load_state_dict(load_decoder(args.out / "decoder.safetensors").state_dict())
    # The policy never encodes: the encoder is only kept as the graph with which reconstructions can be checked.
    export_encoder(autoencoder, args.out / "encoder.onnx")
    latents = encode(autoencoder, data["videos"])
    # Threads of PyTorch that wait for work in a busy loop would hinder those of the graphs.
    torch.set_num_threads(1)
    generator = seeded(args.seed + 1)
    flow = shortened(FLOW, args.quick)
    policy = train_flow(latents, data["words"].long(), flow, generator, args.threads)
    save_policy(policy, args.out / "policy.safetensors", extra)
    print(f"wrote {args.out}/policy.safetensors and decoder.safetensors in {clock(time.monotonic() - start)}")


if __name__ == "__main__":
    main()
