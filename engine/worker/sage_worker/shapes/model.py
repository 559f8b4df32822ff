"""The Shapes policy: a small diffusion transformer over video latents.

64 tokens (4 frames x 4 x 4 positions) of 12 channels; adaptive layer norm (Peebles & Xie 2023, DiT) is driven by the
noise level sigma and three words. It predicts the rectified-flow velocity v = noise - x0 directly.

The operations are chosen so that the exported forward pass and the forward pass inside the update graph are the same
primitives: no operator here is one that a graph optimiser fuses only when its intermediate results are not needed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

CHANNELS = 12
FRAMES = 4
ROWS = 4
COLUMNS = 4
TOKENS = FRAMES * ROWS * COLUMNS
LATENT_SIZE = CHANNELS * TOKENS
WORD_COUNTS = (6, 3, 4)
"""Colours, shapes, directions. The index after each list's last word is its null word, for unconditional guidance."""
NULL_WORDS = WORD_COUNTS


@dataclass(frozen=True)
class Architecture:
    """Numbers that define the network; stored beside its weights."""

    width: int = 96
    depth: int = 3
    heads: int = 4
    mlp_ratio: int = 4
    frequencies: int = 32

    def metadata(self) -> dict[str, str]:
        """The same numbers as strings, for safetensors metadata."""
        return {key: str(value) for key, value in asdict(self).items()}

    @staticmethod
    def from_metadata(metadata: dict[str, str]) -> Architecture:
        """Inverse of `metadata`; ignores other keys."""
        return Architecture(**{key: int(metadata[key]) for key in asdict(Architecture())})


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


class Normalize(torch.autograd.Function):
    """Layer norm over the last axis without learned scale; the gradient in as few passes over memory as possible."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        normal, _, inverse = torch.native_layer_norm(x, [x.shape[-1]], None, None, 1e-5)
        ctx.save_for_backward(normal, inverse)
        return normal

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        normal, inverse = ctx.saved_tensors
        along = (gradient * normal).mean(-1, keepdim=True)
        return (gradient - gradient.mean(-1, keepdim=True) - normal * along) * inverse


def normalize(x: Tensor) -> Tensor:
    """Layer norm over the last axis without learned scale."""
    return Normalize.apply(x)


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
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        return gradient * (positive + positive)


class Attention(torch.autograd.Function):
    """Self-attention from stacked queries, keys and values [3, N * heads, tokens, size] -> [N * heads, tokens, size].

    The gradient is written out because the automatic one transposes the keys' gradient and reduces the larger matrix:
    sum_j dP_ij P_ij equals the product of the output with its gradient (Dao et al. 2022).
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, qkv: Tensor) -> Tensor:
        q, k, v = qkv.unbind(0)
        scale = 1.0 / math.sqrt(qkv.shape[-1])
        weights = torch.softmax(torch.bmm(q, k.transpose(1, 2)) * scale, dim=-1)
        mixed = torch.bmm(weights, v)
        ctx.save_for_backward(q, k, v, weights, mixed)
        return mixed

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        q, k, v, weights, mixed = ctx.saved_tensors
        scale = 1.0 / math.sqrt(q.shape[-1])
        of_weights = torch.bmm(gradient, v.transpose(1, 2))
        along = (gradient * mixed).sum(-1, keepdim=True)
        of_scores = weights * (of_weights - along)
        of_q = torch.bmm(of_scores, k) * scale
        of_k = torch.bmm(of_scores.transpose(1, 2), q) * scale
        return torch.stack([of_q, of_k, torch.bmm(weights.transpose(1, 2), gradient)])


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

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        width = arch.width
        self.arch = arch
        self.modulation = Linear(width, 6 * width, gain=0.2)
        self.qkv = Linear(width, 3 * width, bias=False)
        self.attention_out = Linear(width, width, bias=False)
        self.mlp_up = Linear(width, arch.mlp_ratio * width, bias=False)
        self.mlp_down = Linear(arch.mlp_ratio * width, width, bias=False)

    def attend(self, x: Tensor) -> Tensor:
        """Self-attention over each sample's tokens. x [N, tokens, width] -> [N * tokens, width]."""
        heads = self.arch.heads
        size = self.arch.width // heads
        n = x.shape[0]
        qkv = self.qkv(x.reshape(n * TOKENS, self.arch.width)).reshape(n, TOKENS, 3, heads, size)
        stacked = qkv.permute(2, 0, 3, 1, 4).reshape(3, n * heads, TOKENS, size)
        mixed = Attention.apply(stacked).reshape(n, heads, TOKENS, size)
        return self.attention_out(mixed.permute(0, 2, 1, 3).reshape(n * TOKENS, self.arch.width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        n, width = x.shape[0], self.arch.width
        modulation = self.modulation(condition).reshape(n, 1, 6 * width)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = modulation.split(width, dim=-1)
        x = x + gate_a * self.attend(normalize(x) * (1.0 + scale_a) + shift_a).reshape(n, TOKENS, width)
        hidden = self.mlp_up((normalize(x) * (1.0 + scale_m) + shift_m).reshape(n * TOKENS, width))
        return x + gate_m * self.mlp_down(SquaredRelu.apply(hidden)).reshape(n, TOKENS, width)


class ShapesModel(nn.Module):
    """Velocity network: (x [N, 768], sigma [N], words [N, 3]) -> velocity [N, 768]."""

    def __init__(self, arch: Architecture | None = None) -> None:
        super().__init__()
        arch = arch or Architecture()
        self.arch = arch
        self.condition = Condition(arch)
        self.input = Linear(CHANNELS, arch.width)
        self.position = nn.Parameter(torch.randn(TOKENS, arch.width) * 0.3)
        self.blocks = nn.ModuleList([Block(arch) for _ in range(arch.depth)])
        self.output_modulation = Linear(arch.width, 2 * arch.width, gain=0.2)
        self.output = Linear(arch.width, CHANNELS, gain=0.2)

    def forward(self, x: Tensor, sigma: Tensor, words: Tensor) -> Tensor:
        n, width = x.shape[0], self.arch.width
        condition = self.condition(sigma, words)
        tokens = x.reshape(n, CHANNELS, TOKENS).transpose(1, 2).reshape(n * TOKENS, CHANNELS)
        h = self.input(tokens).reshape(n, TOKENS, width) + self.position
        for block in self.blocks:
            h = block(h, condition)
        shift, scale = self.output_modulation(condition).reshape(n, 1, 2 * width).split(width, dim=-1)
        h = (normalize(h) * (1.0 + scale) + shift).reshape(n * TOKENS, width)
        return self.output(h).reshape(n, TOKENS, CHANNELS).transpose(1, 2).reshape(n, LATENT_SIZE)


def guided_velocity(model: nn.Module, x: Tensor, sigma: Tensor, words: Tensor, guidance: Tensor) -> Tensor:
    """Classifier-free guidance u + g (c - u), both branches in one batch of 2N rows."""
    n = x.shape[0]
    null = torch.stack([torch.full_like(words[:, 0], index) for index in NULL_WORDS], dim=1)
    both = model(torch.cat([x, x]), torch.cat([sigma, sigma]), torch.cat([words, null]))
    conditional, unconditional = both[:n], both[n:]
    return unconditional + guidance * (conditional - unconditional)
