"""What the device reaches on plain operations: the rates that utilisation is measured against."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional as F

from measuring import Bench, rate, timed

# Rows, inputs, outputs. The first is the usual square of such tables; the others are HunyuanVideo-1.5's layers for the
# 18,146 tokens of 352 x 624 x 81 with a prompt of 128 tokens.
PRODUCTS = {
    "square 8192": (8192, 8192, 8192),
    "attention projection": (18_018, 2048, 2048),
    "feed-forward up": (18_018, 2048, 8192),
    "feed-forward down": (18_018, 8192, 2048),
    "adapter down, rank 64": (18_018, 2048, 64),
}
TINY_PRODUCTS = {"square 64": (64, 64, 64), "adapter": (48, 16, 2)}


def run(bench: Bench) -> None:
    """Matrix products, attention kernels, copies."""
    matrix_rate(bench)
    attention(bench)
    copies(bench)


def matrix_rate(bench: Bench) -> float:
    """The best rate of the products in TFLOP/s: what utilisation is over."""
    best = 0.0
    for name, (rows, inputs, outputs) in (TINY_PRODUCTS if bench.tiny else PRODUCTS).items():
        a = torch.randn(rows, inputs, device=bench.device, dtype=bench.precision)
        b = torch.randn(outputs, inputs, device=bench.device, dtype=bench.precision)
        spent = timed(bench, partial(F.linear, a, b), repeats=20, warm=3)
        reached = rate(2 * rows * inputs * outputs, spent["ms"])
        best = max(best, reached)
        bench.add("hardware", f"product: {name}", shape=[rows, inputs, outputs], tflops=reached, **spent)
    bench.add("hardware", "matrix rate", tflops=best, note="the best of the products above; utilisation is over this")
    return best


def attention(bench: Bench) -> None:
    """Each attention kernel of torch alone, forward and backward, at the model's shape, without and with a mask."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    heads, tokens, size = (2, 48, 8) if bench.tiny else (16, 18_146, 128)
    q, k, v = (
        torch.randn(1, heads, tokens, size, device=bench.device, dtype=bench.precision, requires_grad=True)
        for _ in range(3)
    )
    slope = torch.randn_like(q)
    operations = 4 * tokens * tokens * heads * size
    pairs = torch.ones(1, 1, tokens, tokens, dtype=torch.bool, device=bench.device)
    masks = {"no mask": None, "mask of keys": pairs[:, :, :1], "mask of pairs": pairs}
    kernels = [SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]

    def both_ways(forward: Callable[[], torch.Tensor]) -> None:
        torch.autograd.grad(forward(), (q, k, v), slope)

    for kernel in kernels:
        for masked, mask in masks.items():

            def forward(kernel: SDPBackend = kernel, mask: torch.Tensor | None = mask) -> torch.Tensor:
                with sdpa_kernel(kernel):
                    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

            name = f"attention: {kernel.name.removesuffix('_ATTENTION').lower()}, {masked}"
            try:
                with torch.no_grad():
                    spent = timed(bench, forward, repeats=5, warm=2)
                both = timed(bench, partial(both_ways, forward), repeats=5, warm=2)
            except RuntimeError as error:
                bench.add("hardware", name, refused=str(error).splitlines()[0])
                continue
            # The backward pass has five products where the forward pass has two.
            forward_rate, both_rate = rate(operations, spent["ms"]), rate(3.5 * operations, both["ms"])
            bench.add("hardware", name, tflops=forward_rate, trainingTflops=both_rate, trainingMs=both["ms"], **spent)


def copies(bench: Bench) -> None:
    """Bytes a second on the device, and from and to the CPU."""
    count = 2**16 if bench.tiny else 2**30
    there = torch.randint(0, 255, (count,), dtype=torch.uint8, device=bench.device)
    other = torch.empty_like(there)
    here = torch.empty(count, dtype=torch.uint8, pin_memory=bench.cuda)
    pageable = torch.empty(count, dtype=torch.uint8)
    ways = {
        "on the device, read and written": (lambda: other.copy_(there), 2),
        "to pinned memory": (lambda: here.copy_(there), 1),
        "to pageable memory": (lambda: pageable.copy_(there), 1),
        "from pageable memory": (lambda: there.copy_(pageable), 1),
    }
    for name, (copy, times) in ways.items():
        spent = timed(bench, copy, repeats=5)
        bench.add("hardware", f"copy: {name}", gigabytes=round(times * count / spent["ms"] / 1e6, 2), **spent)
