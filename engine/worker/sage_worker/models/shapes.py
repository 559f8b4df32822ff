"""The Shapes model under PyTorch: the same weights, words and latents as the embedded engine's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sage_worker.errors import WorkerError
from sage_worker.models.base import Condition, ModelOptions, VideoFormat
from sage_worker.shapes.autoencoder import Decoder
from sage_worker.shapes.model import CHANNELS, COLUMNS, FRAMES, ROWS, ShapesModel, guided_velocity
from sage_worker.shapes.weights import load_decoder, load_policy

PACKAGED_WEIGHTS = Path(__file__).resolve().parents[3] / "shapes" / "weights"

_COLORS = ("red", "green", "blue", "yellow", "magenta", "cyan")
_SHAPES = ("circle", "square", "triangle")
_DIRECTIONS = ("left", "right", "up", "down")


def parse_prompt(text: str) -> Tensor:
    """Word indices [3] of a prompt like "a red circle moving left", read as engine/shapes/grammar.ts reads it."""
    tokens = re.split(r"\s+", text.strip().removesuffix(".").lower())
    if tokens[0] in ("a", "an", "the"):
        tokens = tokens[1:]
    if len(tokens) == 4 and tokens[2] == "moving":
        color, shape, _, direction = tokens
        if color in _COLORS and shape in _SHAPES and direction in _DIRECTIONS:
            return torch.tensor([_COLORS.index(color), _SHAPES.index(shape), _DIRECTIONS.index(direction)])
    raise WorkerError(
        "policy/prompt",
        f"The Shapes model has no words for the prompt {text[:80]!r}.",
        'Write "a COLOUR SHAPE moving DIRECTION", for example "a red circle moving left".',
    )


class ShapesVideo:
    """`VideoModel` of the Shapes world: 8 frames of 32 x 32 pixels, latents [12, 4, 4, 4], float32 throughout."""

    name = "shapes"
    format = VideoFormat(frames=8, height=32, width=32, frames_per_second=8.0)
    latent_shape: tuple[int, ...] = (CHANNELS, FRAMES, ROWS, COLUMNS)
    latent_dtype = torch.float32
    lora_targets: str | None = None

    def __init__(self, network: ShapesModel, decoder: Decoder, device: torch.device) -> None:
        self._blocks = list(network.blocks)
        self.network: nn.Module = network.to(device)
        self._decoder = decoder.to(device).requires_grad_(False)
        self._device = device

    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks."""
        return self._blocks

    def use_network(self, network: nn.Module) -> None:
        """From here on velocities come from this module."""
        self.network = network

    def most_rows(self) -> None:
        """Any number of rows shares a pass."""

    def limit_rows(self, rows: int) -> None:
        """All rows share a pass, however many."""

    def encode_ahead(self, prompts: Sequence[str]) -> None:
        """Raises WorkerError for a prompt without words; there is nothing to keep."""
        self.encode(prompts)

    def encode(self, prompts: Sequence[str]) -> list[Condition]:
        """Word indices [3] of each prompt."""
        return [parse_prompt(prompt) for prompt in prompts]

    def velocity(self, x: Tensor, sigma: Tensor, conditions: Sequence[Condition], guidance: float) -> Tensor:
        """Velocities [N, 12, 4, 4, 4]; both branches of guidance go through the network in one batch."""
        words = torch.stack(list(conditions)).to(self._device)
        flat = x.reshape(len(x), -1)
        if guidance == 1:
            velocity: Tensor = self.network(flat, sigma, words)
        else:
            velocity = guided_velocity(self.network, flat, sigma, words, torch.tensor(guidance, dtype=x.dtype))
        return velocity.reshape(x.shape)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Videos [N, 8, 32, 32, 3] on the CPU, float32 in [0, 1]."""
        # A GPU would round the convolutions' inputs to 10 bits, which the judge of the videos measures.
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            pixels: Tensor = self._decoder(latents.reshape(len(latents), -1).float())
        return pixels.clamp(0, 1).cpu()

    def versions(self) -> dict[str, str]:
        """Of the library that computes the model."""
        return {"torch": torch.__version__}


def load_shapes(options: ModelOptions) -> ShapesVideo:
    """Loads the Shapes model: the packaged weights, or a `policy.safetensors` of a run (the file or its folder).

    :raises WorkerError: where the weights are missing or of another model, or another precision than float32 is asked
    """
    if options.precision != torch.float32:
        raise WorkerError(
            "policy/precision",
            "The Shapes model is computed in float32: half of its operations have gradients written out in it.",
            "Set policy.precision to fp32.",
        )
    file = Path(options.weights) if options.weights else PACKAGED_WEIGHTS
    if file.is_dir():
        file = file / "policy.safetensors"
    try:
        network = load_policy_in_layout(file)
        decoder = load_decoder(PACKAGED_WEIGHTS / "decoder.safetensors")
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise WorkerError(
            "policy/weights",
            f"{file} holds no weights of the Shapes model: {error}",
            "Give a policy.safetensors of a Shapes run, or leave policy.weights out.",
        ) from error
    return ShapesVideo(network, decoder, options.device)


def load_policy_in_layout(file: Path) -> ShapesModel:
    """The network of a weights file; a checkpoint's names no architecture and has the packaged one's."""
    model = load_policy(PACKAGED_WEIGHTS / "policy.safetensors")
    model.load_state_dict(load_file(file))
    return model
