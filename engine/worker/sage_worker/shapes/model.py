"""The Shapes policy: a small diffusion transformer over video latents.

A token is a patch of 1 x 2 x 2 latent positions, as in the large video models, so a video has 4 x 2 x 2 = 16 tokens of
48 numbers. Adaptive layer norm (Peebles & Xie 2023, DiT) is driven by the noise level sigma and three words; one matrix
product gives the scales and shifts of all blocks. It predicts the rectified-flow velocity v = noise - x0 directly.

The network is deep and narrow and written in few operations, each with a gradient of few operations: on a CPU the cost
of a layer this small is the number of its passes over memory. The exported forward pass and the forward pass inside the
update graph are the same primitives: no operator here is one that a graph optimiser fuses only when its intermediate
results are not needed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

CHANNELS = 12
FRAMES = 4
ROWS = 4
COLUMNS = 4
LATENT_SIZE = CHANNELS * FRAMES * ROWS * COLUMNS
PATCH = 2
TOKENS = FRAMES * (ROWS // PATCH) * (COLUMNS // PATCH)
TOKEN_SIZE = LATENT_SIZE // TOKENS
WORD_COUNTS = (6, 3, 4)
"""Colours, shapes, directions. The index after each list's last word is its null word, for unconditional guidance."""
NULL_WORDS = WORD_COUNTS


@dataclass(frozen=True)
class Architecture:
    """Numbers that define the network; stored beside its weights."""

    width: int = 64
    depth: int = 8
    heads: int = 2
    mlp_ratio: int = 4
    frequencies: int = 32

    def metadata(self) -> dict[str, str]:
        """The same numbers as strings, for safetensors metadata."""
        return {key: str(value) for key, value in asdict(self).items()}

    @staticmethod
    def from_metadata(metadata: dict[str, str]) -> Architecture:
        """Inverse of `metadata`; ignores other keys."""
        return Architecture(**{key: int(metadata[key]) for key in asdict(Architecture())})


def patches(x: Tensor) -> Tensor:
    """Latents [N, 768] -> tokens [N * 16, 48]."""
    grid = x.reshape(-1, CHANNELS, FRAMES, ROWS // PATCH, PATCH, COLUMNS // PATCH, PATCH)
    return grid.permute(0, 2, 3, 5, 1, 4, 6).reshape(-1, TOKEN_SIZE)


def latents(tokens: Tensor) -> Tensor:
    """Inverse of `patches`."""
    grid = tokens.reshape(-1, FRAMES, ROWS // PATCH, COLUMNS // PATCH, CHANNELS, PATCH, PATCH)
    return grid.permute(0, 4, 1, 2, 5, 3, 6).reshape(-1, LATENT_SIZE)


class Linear(nn.Module):
    """Affine map with the weight stored [inputs, outputs], so that neither direction needs a transposed copy of it."""

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0, bias: bool = True) -> None:
        super().__init__()
        bound = gain * math.sqrt(3.0 / inputs)
        self.weight = nn.Parameter(torch.empty(inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """x [rows, inputs] -> [rows, outputs]."""
        return torch.mm(x, self.weight) if self.bias is None else torch.addmm(self.bias, x, self.weight)


class AdaptiveNorm(torch.autograd.Function):
    """Layer norm of the tokens x [N * tokens, width], times scale, plus shift of their sample, both [N, 1, width]."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        normal, _, inverse = torch.native_layer_norm(x, [x.shape[-1]], None, None, 1e-5)
        normal = normal.reshape(-1, TOKENS, x.shape[-1])
        ctx.save_for_backward(normal, inverse, scale)
        return (normal * scale + shift).reshape(-1, x.shape[-1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        normal, inverse, scale = ctx.saved_tensors
        width = normal.shape[-1]
        of_scaled = gradient.reshape(-1, TOKENS, width)
        product = of_scaled * normal
        # Means over the width of what the scale multiplies are matrix products with the scale.
        mean = torch.bmm(of_scaled, scale.transpose(1, 2)) * (1.0 / width)
        along = torch.bmm(product, scale.transpose(1, 2)) * (1.0 / width)
        of_x = (of_scaled * scale - mean - normal * along) * inverse.reshape(-1, TOKENS, 1)
        return of_x.reshape(-1, width), product.sum(1, keepdim=True), of_scaled.sum(1, keepdim=True)


def one_hot_words(words: Tensor) -> Tensor:
    """words [N, 3] int64 -> [N, 16] float; a product with it has a matrix product as gradient, unlike a lookup."""
    columns = [
        words[:, i : i + 1] == torch.arange(count + 1, device=words.device)[None, :]
        for i, count in enumerate(WORD_COUNTS)
    ]
    return torch.cat(columns, dim=1).to(torch.float32)


class SquaredRelu(torch.autograd.Function):
    """relu(x)^2. Its derivative 2 relu(x) needs no comparison, which automatic differentiation of relu would add."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        positive = torch.relu(x)
        ctx.save_for_backward(positive)
        return positive * positive

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        # A graph optimiser folds the factor into the matrix product that the gradient comes from.
        return (gradient * 2.0) * positive


class Attention(torch.autograd.Function):
    """Self-attention of queries, keys and values, one below the other: [3 * N * heads, tokens, size] -> a third of it.

    The gradient is written out because the automatic one transposes the keys' gradient and reduces the larger matrix:
    sum_j dP_ij P_ij equals the product of the output with its gradient (Dao et al. 2022).
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, qkv: Tensor) -> Tensor:
        q, k, v = qkv.chunk(3)
        scale = 1.0 / math.sqrt(qkv.shape[-1])
        weights = torch.softmax(torch.bmm(q, k.transpose(1, 2)) * scale, dim=-1)
        mixed = torch.bmm(weights, v)
        ctx.save_for_backward(q, k, v, weights, mixed)
        return mixed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        q, k, v, weights, mixed = ctx.saved_tensors
        scale = 1.0 / math.sqrt(q.shape[-1])
        of_weights = torch.bmm(gradient, v.transpose(1, 2))
        along = (gradient * mixed).sum(-1, keepdim=True)
        of_scores = weights * (of_weights - along)
        of_q = torch.bmm(of_scores, k) * scale
        of_k = torch.bmm(of_scores.transpose(1, 2), q) * scale
        return torch.cat([of_q, of_k, torch.bmm(weights.transpose(1, 2), gradient)])


class Condition(nn.Module):
    """Embeds (sigma, words) into one vector per sample, [N, width]."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch
        self.sigma = Linear(2 * arch.frequencies, arch.width)
        self.words = nn.Parameter(torch.randn(sum(WORD_COUNTS) + 3, arch.width) * 0.5)
        self.hidden = Linear(arch.width, arch.width)

    def forward(self, sigma: Tensor, words: Tensor) -> Tensor:
        count = self.arch.frequencies
        exponents = torch.arange(count, device=sigma.device, dtype=torch.float32) / (count - 1)
        frequencies = math.pi / 2 * torch.exp(exponents * math.log(64.0))
        angles = sigma[:, None] * frequencies[None, :]
        features = torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)
        hidden = self.sigma(features) + one_hot_words(words) @ self.words
        hidden = hidden * torch.sigmoid(hidden)
        hidden = self.hidden(hidden)
        return hidden * torch.sigmoid(hidden)


class Block(nn.Module):
    """Transformer block with adaptive layer norm and a squared-ReLU MLP (So et al. 2021)."""

    modulations = 4
    """Vectors that the condition gives to a block: scale and shift before attention and before the MLP."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        width = arch.width
        self.arch = arch
        self.qkv = Linear(width, 3 * width, bias=False)
        self.attention_out = Linear(width, width, gain=0.5, bias=False)
        self.mlp_up = Linear(width, arch.mlp_ratio * width, bias=False)
        self.mlp_down = Linear(arch.mlp_ratio * width, width, gain=0.5, bias=False)

    def attend(self, x: Tensor) -> Tensor:
        """Self-attention over each sample's tokens. x [N * tokens, width] -> the same."""
        width, heads = self.arch.width, self.arch.heads
        size = width // heads
        qkv = self.qkv(x).reshape(-1, TOKENS, 3, heads, size)
        stacked = qkv.permute(2, 0, 3, 1, 4).reshape(-1, TOKENS, size)
        mixed = Attention.apply(stacked).reshape(-1, heads, TOKENS, size)
        return self.attention_out(mixed.permute(0, 2, 1, 3).reshape(-1, width))

    def forward(self, x: Tensor, modulation: tuple[Tensor, ...]) -> Tensor:
        scale_a, shift_a, scale_m, shift_m = modulation
        x = x + self.attend(AdaptiveNorm.apply(x, scale_a, shift_a))
        return x + self.mlp_down(SquaredRelu.apply(self.mlp_up(AdaptiveNorm.apply(x, scale_m, shift_m))))


class ShapesModel(nn.Module):
    """Velocity network: (x [N, 768], sigma [N], words [N, 3]) -> velocity [N, 768]."""

    def __init__(self, arch: Architecture | None = None) -> None:
        super().__init__()
        arch = arch or Architecture()
        width = arch.width
        self.arch = arch
        self.condition = Condition(arch)
        self.input = Linear(TOKEN_SIZE, width)
        self.position = nn.Parameter(torch.randn(TOKENS, width) * 0.3)
        self.modulation = Linear(width, (Block.modulations * arch.depth + 2) * width, gain=0.2)
        bias = self.modulation.bias
        assert bias is not None
        with torch.no_grad():
            bias.view(-1, 2, width)[:, 0] = 1.0
        self.blocks = nn.ModuleList([Block(arch) for _ in range(arch.depth)])
        self.output = Linear(width, TOKEN_SIZE, gain=0.2)
        # Share of a token's own numbers in its velocity: a narrow network could not carry them all to the output.
        self.passed = Linear(width, TOKEN_SIZE, gain=0.2)

    def forward(self, x: Tensor, sigma: Tensor, words: Tensor) -> Tensor:
        n, width = x.shape[0], self.arch.width
        condition = self.condition(sigma, words)
        modulations = self.modulation(condition).reshape(n, 1, -1).split(width, dim=-1)
        tokens = patches(x)
        h = self.input(tokens).reshape(n, TOKENS, width) + (self.position + condition.reshape(n, 1, width))
        h = h.reshape(n * TOKENS, width)
        for i, block in enumerate(self.blocks):
            h = block(h, modulations[Block.modulations * i : Block.modulations * (i + 1)])
        output = self.output(AdaptiveNorm.apply(h, *modulations[-2:])).reshape(n, TOKENS, TOKEN_SIZE)
        passed = self.passed(condition).reshape(n, 1, TOKEN_SIZE) * tokens.reshape(n, TOKENS, TOKEN_SIZE)
        return latents(output + passed)


def guided_velocity(model: nn.Module, x: Tensor, sigma: Tensor, words: Tensor, guidance: Tensor) -> Tensor:
    """Classifier-free guidance u + g (c - u), both branches in one batch of 2N rows."""
    n = x.shape[0]
    null = torch.stack([torch.full_like(words[:, 0], index) for index in NULL_WORDS], dim=1)
    both = model(torch.cat([x, x]), torch.cat([sigma, sigma]), torch.cat([words, null]))
    conditional, unconditional = both[:n], both[n:]
    return unconditional + guidance * (conditional - unconditional)
