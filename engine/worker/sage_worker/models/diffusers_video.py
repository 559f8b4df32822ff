"""What video models in diffusers' layout have in common: a transformer, an autoencoder and text encoders in a folder.

`DiffusersVideo` finds and loads them and answers all that the worker asks of a model (models/base.py). A module of each
model says what is its own: the attributes without a value below, the abstract methods, and where it differs, the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sage_worker.models import guidance, pipeline_folder, text_cache
from sage_worker.models.base import Condition, ModelOptions
from sage_worker.models.decode import decode_videos
from sage_worker.models.pipeline_folder import Published
from sage_worker.models.text_cache import Encoding

NO_PROMPT = ""
"""What the pipelines encode for the unconditional branch unless they are told otherwise."""


class DiffusersVideo(ABC):
    """A published transformer and autoencoder behind the worker's interface."""

    name: str
    published: Published
    lora_targets: str | None
    """Of layers of the blocks alone, so it begins with the blocks' names: other parts may have layers named alike."""
    frames_per_second: float
    block_list: str
    """Name of the transformer's list of blocks."""
    text_tokens: int | None = None
    """Of every text, with zeros behind its own; None where texts go into a pass as long as they are."""
    autoencoder_precision: torch.dtype | None = None
    """None is the run's precision, as in the next."""
    latent_precision: torch.dtype | None = None
    """In which latents are kept between steps, as the pipeline keeps them."""

    def __init__(self, options: ModelOptions) -> None:
        pipeline_folder.quiet()
        self.options = options
        self.folder = pipeline_folder.locate(options.weights, self.published)
        self.latent_shape: tuple[int, ...] = self.check_parts()
        self.device = options.device
        self.precision = options.precision
        self.cache = options.cache
        self.format = pipeline_folder.video_format(options, self.frames_per_second)
        self.latent_dtype = self.latent_precision or options.precision
        self.guidance_batching = options.guidance_batching
        self.offload_vae = False
        """Whether the autoencoder waits on the CPU between decodings."""
        self.network = self._load("transformer", self.precision)
        self.network.to(self.device)
        self.vae = self._load("vae", self.autoencoder_precision or options.precision)
        self.vae.to(self.device).requires_grad_(False)
        self.vae.enable_tiling()
        self.caller: nn.Module = self.network
        fingerprint = text_cache.fingerprint(self.folder, self.published.text_parts)
        self.text_identity = f"{self.name} 1 {self.precision} {fingerprint}"
        self.rows_per_pass = guidance.rows_at_most(options.rows_per_pass, self.tokens())
        self.unconditional: Encoding | None = None
        self.batched: bool | None = None
        self.choose_attention(masked=False)

    @abstractmethod
    def check_parts(self) -> tuple[int, int, int, int]:
        """The latents' shape, from the configs alone.

        Raises WorkerError where the parts do not fit together or the wanted video does not fit them.
        """

    @abstractmethod
    def patch_size(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of one token."""

    @abstractmethod
    def encode_prompt(self, pipeline: Any, prompt: str, place: torch.device) -> Encoding:
        """Valid tokens of one prompt on the CPU, encoded on `place` as the pipeline does it."""

    @abstractmethod
    def forward(self, x: Tensor, sigma: Tensor, conditions: Sequence[Encoding]) -> Tensor:
        """One pass through `self.caller`, [R, *latent_shape] in float32.

        Texts of a pass are equally long unless both branches of guidance are in it.
        """

    @abstractmethod
    def denormalise(self, z: Tensor) -> Tensor:
        """Latents [1, *latent_shape] in the autoencoder's own scale."""

    def choose_attention(self, masked: bool) -> None:  # noqa: B027
        """With a mask for passes with texts of several lengths, without one for all others.

        For models that need to be told: both branches of guidance in one pass have such texts.
        """

    def blocks(self) -> Sequence[nn.Module]:
        """The transformer's blocks."""
        return list(getattr(self.network, self.block_list))

    def use_network(self, network: nn.Module) -> None:
        """From here on velocities come from this module."""
        self.caller = network

    def encode_ahead(self, prompts: Sequence[str]) -> None:
        """Encodes what the cache lacks, for each prompt and for none."""
        text_cache.fill(self.cache, self.text_identity, [NO_PROMPT, *prompts], self.encode_missing)

    def encode(self, prompts: Sequence[str]) -> list[Condition]:
        """What `encode_prompt` gives for each prompt, made once in the life of the cache."""
        found = text_cache.cached(self.cache, self.text_identity, [NO_PROMPT, *prompts], self.encode_missing)
        self.unconditional = found[0]
        return list(found[1:])

    def encode_missing(self, prompts: Sequence[str]) -> Iterator[Encoding]:
        """Loads the encoders, encodes one prompt at a time, frees them."""
        with pipeline_folder.loaded_encoders(self.published, self.folder, self.options, self.vae) as (pipeline, place):
            for prompt in prompts:
                with torch.no_grad():
                    encoding = self.encode_prompt(pipeline, prompt, place)
                yield encoding

    def velocity(self, x: Tensor, sigma: Tensor, conditions: Sequence[Condition], guidance_scale: float) -> Tensor:
        """Velocities [N, *latent_shape] in float32; see VideoModel."""
        texts = [self._as_passed(one) for one in conditions]
        rows = self.most_rows()
        if guidance_scale == 1.0:
            return guidance.in_passes(self.forward, x, sigma, texts, rows)
        if self.unconditional is None:
            self.encode([])
        assert self.unconditional is not None
        if self.batched is None:
            self.batched = guidance.decide_batching(
                self.guidance_batching, self.device, self.tokens(), lambda: self.forward(x[:1], sigma[:1], texts[:1])
            )
            self.choose_attention(masked=self.batched)
        run = guidance.guided(self.forward, self._as_passed(self.unconditional), guidance_scale, self.batched)
        return guidance.in_passes(run, x, sigma, texts, rows)

    def most_rows(self) -> int:
        """Rows that share a pass."""
        return guidance.rows_of_any_text(self.rows_per_pass) if self.text_tokens is None else self.rows_per_pass

    def limit_rows(self, rows: int) -> None:
        """From here on no more than so many rows share a pass."""
        self.rows_per_pass = min(self.rows_per_pass, rows)

    def tokens(self) -> int:
        """Latent tokens of one row."""
        _, frames, height, width = self.latent_shape
        time, rows, columns = self.patch_size()
        return frames // time * (height // rows) * (width // columns)

    def decode(self, latents: Tensor) -> Tensor:
        """Videos [N, F, H, W, 3] in uint8 on the CPU."""
        return decode_videos(self.vae, latents, self.denormalise, self.device, self.offload_vae)

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that compute the model."""
        return pipeline_folder.library_versions()

    def part_config(self, part: str) -> dict[str, Any]:
        """config.json of one part."""
        return pipeline_folder.part_config(self.folder, part, self.published)

    def require(self, condition: bool, message: str) -> None:
        """Raises WorkerError about the weights unless the condition holds."""
        pipeline_folder.require(condition, self.folder, message, self.published)

    def _load(self, part: str, precision: torch.dtype) -> Any:
        import diffusers

        kind = getattr(diffusers, str(self.published.parts[part]))
        return pipeline_folder.load_part(kind, self.folder, part, precision, self.published)

    def _as_passed(self, text: Encoding) -> Encoding:
        return text if self.text_tokens is None else full_length(text, self.text_tokens)


def full_length(text: Encoding, tokens: int) -> Encoding:
    """The text with zeros behind its valid tokens, each tensor [tokens, C]."""
    return {name: nn.functional.pad(part, (0, 0, 0, tokens - len(part))) for name, part in text.items()}
