"""Floating-point operations of HunyuanVideo-1.5's transformer; an addition and a multiplication are two.

The formulae of `engine/config/estimate` in Python, so that a machine without Node can say how far it is from its limit.
`test/worker/python/test_gpu_bench.py` holds them against `sage-grpo estimate --json` and against torch's own counter.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """What is counted of a dual-stream transformer; the defaults are the released one's."""

    channels_in: int = 65
    channels_out: int = 32
    heads: int = 16
    head_size: int = 128
    blocks: int = 54
    refiner_blocks: int = 2
    mlp_ratio: float = 4.0
    text_size: int = 3584

    @property
    def width(self) -> int:
        """Of a token."""
        return self.heads * self.head_size


@dataclass(frozen=True)
class Flops:
    """One evaluation for one sample."""

    linear: float
    attention: float
    adapter: float

    @property
    def forward(self) -> float:
        """All of one evaluation."""
        return self.linear + self.attention + self.adapter

    @property
    def training(self) -> float:
        """Forward and backward pass with frozen weights and a trained adapter, nothing computed twice.

        Frozen layers pass the gradient on and have none of their own weights; attention and adapters have both.
        """
        return self.forward + self.linear + 2 * (self.attention + self.adapter)

    @property
    def recomputed(self) -> float:
        """The same with activation checkpointing, which repeats the blocks' forward pass."""
        return self.training + self.forward


def transformer(of: Architecture, video: int, text: int, rank: int | None) -> Flops:
    """Operations for `video` latent tokens and `text` tokens, with adapters of this rank on the blocks' layers."""
    width, hidden = of.width, of.mlp_ratio * of.width
    block_weights: float = 4 * width * width + 2 * width * hidden
    once: float = 256 * width + width * width  # noise level
    once += 12 * width * width * of.blocks + 2 * width * width  # modulation of both streams, and of the output
    once += 256 * width + width * width + of.text_size * width + width * width  # the refiner's
    once += 2 * width * width * of.refiner_blocks
    on_video: float = of.channels_in * width + width * of.channels_out + block_weights * of.blocks
    on_text: float = of.text_size * width + (4 * width * width + 8 * width * width) * of.refiner_blocks
    on_text += block_weights * of.blocks
    attention: float = 4 * width * (of.blocks * (video + text) ** 2 + of.refiner_blocks * text**2)
    # Two matrices beside each of the four attention layers and the two of the feed-forward, in both streams.
    beside = 0.0 if rank is None else rank * (4 * 2 * width + 2 * (width + hidden)) * of.blocks
    return Flops(
        linear=2 * (once + on_video * video + on_text * text),
        attention=attention,
        adapter=2 * beside * (video + text),
    )
