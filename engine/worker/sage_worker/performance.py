"""What makes a model faster without changing what it computes: each option is off until it has been measured.

`test/bench/gpu/attempts.py` measures them one by one on a GPU; docs/gpu.md says what came of it. The options change the
order of roundings, so that two runs with different options differ in the last bits, and rollout and replay of one run
must use the same ones: otherwise the ratio is not 1 at the first replay.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from sage_worker.errors import WorkerError
from sage_worker.models.base import VideoModel
from sage_worker.recompute import change_forward, is_recomputed, keep_activations

NATIVE_BACKENDS = ("native", "_native_cudnn", "_native_efficient", "_native_flash", "_native_math")
"""Attention backends of diffusers that need torch alone."""
MASKLESS_BACKENDS = ("_native_flash", "flash", "flash_hub", "_flash_3", "_flash_3_hub", "sage", "sage_hub")
"""Attention backends of diffusers 0.42 that refuse a mask (or ignore it)."""


@dataclass(frozen=True)
class PerformanceOptions:
    """How a model is run. The defaults are what the model, diffusers and torch do by themselves."""

    attention: str = "native"
    """diffusers' name of the attention backend; `native` leaves the choice of kernel to torch."""
    guidance: Literal["auto", "batched", "sequential"] = "auto"
    """Both branches of guidance in one pass or in two."""
    rows: int | None = None
    """Rows of a pass through the network, in rollouts and replay alike; None as the model was loaded."""
    compile_blocks: bool = False
    """torch.compile of each block of the network, one graph for all blocks of a kind."""
    compile_mode: Literal["default", "max-autotune-no-cudagraphs"] = "default"
    kept_blocks: int = 0
    """Blocks that keep their activations for the backward pass although activation checkpointing is on: as many as
    memory has room for, since the others are computed twice. 1.5 GiB each and branch at 18,146 tokens."""
    recorded_rollout: bool = False
    """CUDA graphs of the blocks while rollouts are sampled: one launch a block. For networks of many small kernels."""
    channels_last_decode: bool = False
    """The autoencoder's weights with channels last, as fast three-dimensional convolutions want them."""
    decode_tiles: bool = True
    """Decoding in tiles: less memory, but their overlaps are decoded more than once."""

    def __post_init__(self) -> None:
        if self.attention in MASKLESS_BACKENDS and self.guidance == "batched":
            raise WorkerError(
                "performance/attention",
                f"The attention backend {self.attention} takes no mask, and one pass with both branches of guidance "
                "needs one: their texts differ in length.",
                "Set guidance to sequential, or choose the backend native or _native_cudnn.",
            )
        if self.recorded_rollout and self.compile_blocks:
            raise WorkerError(
                "performance/graphs",
                "Blocks cannot be compiled and recorded in CUDA graphs at the same time.",
                "Choose one of compile_blocks and recorded_rollout.",
            )


def apply_performance(model: VideoModel, options: PerformanceOptions) -> None:
    """Applies the options to a model, in place. Call it after adapters are added and before sharding.

    @raises WorkerError where the model has nothing that an option could act on
    """
    if options.attention != "native":
        use_attention(model.network, options.attention)
    if options.guidance != "auto":
        _set(model, "guidance_batching", options.guidance, "its branches of guidance always share a pass")
    if options.rows is not None:
        _set(model, "rows_per_pass", options.rows, "its rows always share a pass")
    if options.kept_blocks:
        blocks = model.blocks()
        if not any(map(is_recomputed, blocks)):
            raise _nothing_to_set(model, "without activation checkpointing all blocks keep their activations")
        keep_activations(blocks[: options.kept_blocks])
    if options.compile_blocks:
        compile_blocks(model.blocks(), options.compile_mode)
    if options.channels_last_decode or not options.decode_tiles:
        autoencoder = getattr(model, "vae", None)
        if autoencoder is None:
            raise _nothing_to_set(model, "its decoder has neither tiles nor three-dimensional convolutions")
        prepare_decoder(autoencoder, options)


def _set(model: VideoModel, name: str, value: object, instead: str) -> None:
    if not hasattr(model, name):
        raise _nothing_to_set(model, instead)
    setattr(model, name, value)


def _nothing_to_set(model: VideoModel, instead: str) -> WorkerError:
    message = f"The option changes nothing of the model {model.name}: {instead}."
    return WorkerError("performance/option", message, "Leave it at its default.")


def use_attention(network: Any, backend: str) -> None:
    """Sets diffusers' attention backend of every attention layer that goes through its dispatch.

    @raises WorkerError `performance/attention` for a name that diffusers does not know or whose package is missing
    """
    setter: Callable[[str], None] | None = getattr(network, "set_attention_backend", None)
    if setter is None:
        raise WorkerError(
            "performance/attention",
            f"{type(network).__name__} has no attention backends to choose from.",
            "Leave the attention backend at native.",
        )
    try:
        setter(backend)
    except (ValueError, ImportError, RuntimeError) as error:
        raise WorkerError(
            "performance/attention",
            f"The attention backend {backend} cannot be used: {error}",
            f"Install what it needs, or choose one of {', '.join(NATIVE_BACKENDS)}.",
        ) from error


def compile_blocks(blocks: Sequence[nn.Module], mode: str = "default") -> None:
    """torch.compile of each block in place. Names of parameters stay.

    Activation checkpointing goes around the compiled block and sharding around both.
    Blocks of one class share a graph, of which there are several: for each adapter that is on and for none, and for
    each shape. torch gives up silently after 8, hence the higher limit.
    """
    from torch import _dynamo

    _dynamo.config.recompile_limit = max(_dynamo.config.recompile_limit, 64)
    for block in blocks:
        change_forward(block, lambda forward: _by_the_graph_of_replay(torch.compile(forward, mode=mode, dynamic=False)))


def _by_the_graph_of_replay(call: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled block, run with gradient even where none is wanted.

    torch compiles one graph with gradient and one without, and fuses them differently: in bfloat16 half of the values
    differ in their last bit. A rollout that took the one and a replay that took the other would not have ratio 1. What
    the graph keeps for a backward pass is dropped at the block's end, but whether its outputs had a gradient is not
    forgotten: the next block's graph depends on it.
    """

    def forgotten(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return value.detach().requires_grad_(value.requires_grad)

    def run(*args: Any, **kwargs: Any) -> Any:
        if torch.is_grad_enabled():
            return call(*args, **kwargs)
        with torch.enable_grad():
            return tree_map(forgotten, call(*args, **kwargs))

    return run


def prepare_decoder(autoencoder: Any, options: PerformanceOptions) -> None:
    """Applies what concerns decoding, in place."""
    if options.channels_last_decode:
        # Not Module.to, which also wants to convert weights of two dimensions and fails.
        for convolution in (m for m in autoencoder.modules() if isinstance(m, nn.Conv3d)):
            convolution.weight.data = convolution.weight.data.contiguous(memory_format=torch.channels_last_3d)
    if options.decode_tiles:
        autoencoder.enable_tiling()
    else:
        autoencoder.disable_tiling()


@contextlib.contextmanager
def rollout_mode(options: PerformanceOptions, blocks: Sequence[nn.Module]) -> Iterator[None]:
    """Around the sampling of rollouts, after the adapter that samples is on: what holds for them alone."""
    if options.recorded_rollout:
        with recorded(blocks):
            yield
    else:
        yield


class Recording:
    """One function of tensors with fixed shapes, recorded once and run again on new contents of its inputs.

    On CUDA the record is a CUDA graph; elsewhere the function itself is run on the same buffers.
    """

    def __init__(self, function: Callable[..., Any], args: Sequence[Any], pool: Any) -> None:
        self.function = function
        self.inputs = [x.detach().clone() if isinstance(x, Tensor) else x for x in args]
        self.graph: torch.cuda.CUDAGraph | None = None
        cuda = any(isinstance(x, Tensor) and x.is_cuda for x in args)
        if cuda:
            # What a first call sets up (handles, workspaces, autotuning) cannot be recorded.
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                function(*self.inputs)
            torch.cuda.current_stream().wait_stream(side)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, pool=pool):
                self.outputs = function(*self.inputs)
        else:
            self.outputs = function(*self.inputs)

    def __call__(self, args: Sequence[Any]) -> Any:
        """Outputs for other contents; they stand in the recording's buffers until its next call."""
        for buffer, value in zip(self.inputs, args, strict=True):
            if isinstance(buffer, Tensor) and buffer is not value:
                buffer.copy_(value)
        if self.graph is not None:
            self.graph.replay()
        else:
            self.outputs = self.function(*self.inputs)
        return self.outputs


def _flat(args: tuple[Any, ...]) -> list[Any]:
    """Arguments with tuples of tensors (rotary embeddings) opened."""
    return [leaf for arg in args for leaf in (arg if isinstance(arg, tuple) else (arg,))]


@contextlib.contextmanager
def recorded(blocks: Sequence[nn.Module]) -> Iterator[None]:
    """Within it, blocks that are called without gradient run from CUDA graphs, one for each block and shape.

    Which adapter is on is part of a record: enter it anew after a change. The records are freed at its end.
    """
    pool = torch.cuda.graph_pool_handle() if torch.cuda.is_available() else None
    before = [vars(block).get("forward") for block in blocks]
    for block in blocks:
        block.forward = _from_records(block.forward, pool)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for block, forward in zip(blocks, before, strict=True):
            # Without one of its own, the class's shows again.
            del block.forward
            if forward is not None:
                block.forward = forward


def _from_records(forward: Callable[..., Any], pool: Any) -> Callable[..., Any]:
    records: dict[tuple[Any, ...], Recording] = {}

    def run(*args: Any) -> Any:
        flat = _flat(args)
        if torch.is_grad_enabled():
            return forward(*args)
        key = tuple((x.shape, x.dtype) if isinstance(x, Tensor) else x for x in flat)
        if key not in records:

            def opened(*leaves: Any) -> Any:
                rest = iter(leaves)
                return forward(*(tuple(next(rest) for _ in a) if isinstance(a, tuple) else next(rest) for a in args))

            records[key] = Recording(opened, flat, pool)
        return records[key](flat)

    return run
