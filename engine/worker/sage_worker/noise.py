"""Noise of the samples: the twin of engine/method/random.ts, the same values on every machine.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Every value is a
function of its key and its place. Words, all uint32, arithmetic modulo 2^32:

    key[0]     = seed mod 2^32
    key[1]     = stream * 2^21 + floor(seed / 2^32)
    counter[0] = block: 0, 1, 2 ... along the draw; each block yields words w[0..3]
    counter[1] = draw: 0 is the initial latent x_T, 1 + k the noise of step k
    counter[2] = iteration
    counter[3] = prompt * 2^16 + generation

Box-Muller in float64, rounded to float32. The last bit may differ from the engine's where the two libraries' logarithm
or cosine differ in the last bit of a float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Words = NDArray[np.uint64]

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_TO_UNIT = 2.0**-32


@dataclass(frozen=True)
class NoiseKey:
    """Key of one sample's own generator: run seed, stream (0 rollouts, 1 evaluation) and the sample's place."""

    seed: int
    stream: int
    iteration: int
    prompt: int
    generation: int

    def __post_init__(self) -> None:
        limits = {"seed": 53, "stream": 11, "iteration": 32, "prompt": 16, "generation": 16}
        for name, bits in limits.items():
            value = getattr(self, name)
            if not 0 <= value < 2**bits:
                raise ValueError(f"noise key: {name} is {value}, and must be a whole number from 0 to 2^{bits} - 1")


def philox4x32(counter: Sequence[int | Words], key: tuple[int, int]) -> tuple[Words, Words, Words, Words]:
    """Ten rounds of Philox on counters of four words, each an array or one value for all; four arrays of words."""
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.asarray(word, dtype=np.uint64) for word in counter))
    key0, key1 = key
    for _ in range(10):
        product0 = c0 * _MULTIPLIERS[0]
        product1 = c2 * _MULTIPLIERS[1]
        c0 = (product1 >> _HALF) ^ c1 ^ np.uint64(key0)
        c1 = product1 & _LOW
        c2 = (product0 >> _HALF) ^ c3 ^ np.uint64(key1)
        c3 = product0 & _LOW
        key0 = (key0 + _WEYL[0]) & 0xFFFFFFFF
        key1 = (key1 + _WEYL[1]) & 0xFFFFFFFF
    return c0, c1, c2, c3


def normals(key: NoiseKey, draw: int, size: int) -> NDArray[np.float32]:
    """Independent standard normals [size]. Element i depends only on the key, the draw and i."""
    blocks = np.arange((size + 3) // 4, dtype=np.uint64)
    place = key.prompt * 2**16 + key.generation
    words = philox4x32((blocks, draw, key.iteration, place), (key.seed % 2**32, key.stream * 2**21 + key.seed // 2**32))
    out = np.empty((len(blocks), 4), dtype=np.float32)
    for first in (0, 2):
        radius = np.sqrt(-2.0 * np.log((words[first] + 0.5) * _TO_UNIT))
        angle = (2.0 * math.pi * _TO_UNIT) * words[first + 1]
        out[:, first] = radius * np.cos(angle)
        out[:, first + 1] = radius * np.sin(angle)
    return out.reshape(-1)[:size]


def draw_noise(keys: Sequence[NoiseKey], draw: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Noise of one draw for some samples, flattened row-major as the engine does; float32 [N, *shape]."""
    size = math.prod(shape)
    rows = np.stack([normals(key, draw, size) for key in keys])
    return torch.from_numpy(rows).reshape(len(keys), *shape).to(device)


@contextmanager
def drawn_ahead(
    draws: Sequence[tuple[Sequence[NoiseKey], int]], shape: tuple[int, ...], device: torch.device
) -> Iterator[Iterator[Tensor]]:
    """Within the context the noise of some keys and draws, in their order: float32 [N, *shape] each.

    What is next is drawn on the CPU in a thread while what was taken is in use.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="noise") as thread:

        def in_order() -> Iterator[Tensor]:
            drawing = None
            for keys, draw in draws:
                drawn, drawing = drawing, thread.submit(draw_noise, keys, draw, shape, torch.device("cpu"))
                if drawn is not None:
                    yield drawn.result().to(device)
            if drawing is not None:
                yield drawing.result().to(device)

        yield in_order()
