"""The frozen video autoencoder: 8 x 32 x 32 x 3 pixels <-> 12 channels at 4 x 4 x 4 positions.

Two frames make one latent frame. Pictures are convolved in two dimensions, because three-dimensional convolutions are
slow in onnxruntime; latent frames see each other by convolutions along time at the coarsest resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sage_worker.shapes.model import CHANNELS, COLUMNS, FRAMES, LATENT_SIZE, ROWS

PIXEL_CHANNELS = 24
"""Two RGB frames of 2 x 2 pixels each: the networks' finest grid is 16 x 16."""
WIDTHS = (40, 72, 96)
"""Channels at 16, 8 and 4 pixels."""


class Residual(nn.Module):
    """Pre-activation residual block of two 3 x 3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(F.relu(x))))


class Temporal(nn.Module):
    """Residual convolution over three latent frames at each position. x [N * frames, C, rows, columns]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.first = nn.Conv2d(width, width, (3, 1), padding=(1, 0))
        self.second = nn.Conv2d(width, width, (3, 1), padding=(1, 0))
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        folded = x.reshape(-1, FRAMES, self.width, ROWS * COLUMNS).transpose(1, 2)
        mixed = self.second(F.relu(self.first(F.relu(folded))))
        return x + mixed.transpose(1, 2).reshape(-1, self.width, ROWS, COLUMNS)


def upsample(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    """Doubles rows and columns by a pixel-wise map and a depth-to-space shuffle."""
    return nn.Conv2d(inputs, 4 * outputs, 1), nn.PixelShuffle(2)


class Encoder(nn.Module):
    """pixels [N, 8, 32, 32, 3] in [0, 1] -> latents [N, 768], not normalised."""

    def __init__(self) -> None:
        super().__init__()
        w16, w8, w4 = WIDTHS
        self.net = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(PIXEL_CHANNELS, w16, 3, padding=1),
            Residual(w16),
            nn.ReLU(),
            nn.Conv2d(w16, w8, 4, stride=2, padding=1),
            Residual(w8),
            nn.ReLU(),
            nn.Conv2d(w8, w4, 4, stride=2, padding=1),
            Residual(w4),
            Temporal(w4),
            nn.ReLU(),
            nn.Conv2d(w4, CHANNELS, 1),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        pairs = pixels.reshape(-1, FRAMES, 2, 32, 32, 3).permute(0, 1, 2, 5, 3, 4)
        latents = self.net(pairs.reshape(-1, 6, 32, 32) * 2.0 - 1.0)
        return latents.reshape(-1, FRAMES, CHANNELS, ROWS, COLUMNS).transpose(1, 2).reshape(-1, LATENT_SIZE)


class Decoder(nn.Module):
    """Normalised latents [N, 768] -> pixels [N, 8, 32, 32, 3]. It never sees any other scale of them."""

    def __init__(self) -> None:
        super().__init__()
        w16, w8, w4 = WIDTHS
        self.net = nn.Sequential(
            nn.Conv2d(CHANNELS, w4, 3, padding=1),
            Temporal(w4),
            Residual(w4),
            Temporal(w4),
            nn.ReLU(),
            *upsample(w4, w8),
            Residual(w8),
            nn.ReLU(),
            *upsample(w8, w16),
            Residual(w16),
            nn.ReLU(),
            nn.Conv2d(w16, PIXEL_CHANNELS, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(self, latents: Tensor) -> Tensor:
        frames = latents.reshape(-1, CHANNELS, FRAMES, ROWS, COLUMNS).transpose(1, 2)
        pairs = self.net(frames.reshape(-1, CHANNELS, ROWS, COLUMNS)) * 0.5 + 0.5
        return pairs.reshape(-1, FRAMES, 2, 3, 32, 32).permute(0, 1, 2, 4, 5, 3).reshape(-1, 8, 32, 32, 3)


class Autoencoder(nn.Module):
    """Encoder and decoder, trained together and then frozen; `mean` and `std` [12] normalise the encoder's output."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.register_buffer("mean", torch.zeros(CHANNELS))
        self.register_buffer("std", torch.ones(CHANNELS))

    def encode(self, pixels: Tensor) -> Tensor:
        """pixels -> normalised latents [N, 768]."""
        latents = self.encoder(pixels).reshape(-1, CHANNELS, LATENT_SIZE // CHANNELS)
        return ((latents - self.mean[:, None]) / self.std[:, None]).reshape(-1, LATENT_SIZE)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.decoder(self.encode(pixels))
