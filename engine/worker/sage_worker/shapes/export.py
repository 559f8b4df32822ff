"""Exports the Shapes policy's graphs to ONNX: velocity, log-probability, update (loss and gradients), decoder.

Recipe: trace loss and `torch.autograd.grad` into one graph of core operators with symbolic batch size, then hand that
graph to the ONNX exporter. Parameters are graph inputs, named like the parameters. The velocity graphs go through the
same trace, so that their operators are the ones of the update graph's forward half, and give the same bits.
"""

from __future__ import annotations

import argparse
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import Tensor, nn
from torch._decomp import core_aten_decompositions
from torch.func import functional_call
from torch.fx.experimental.proxy_tensor import make_fx

from sage_worker.loss import StepInputs, StepOutputs, log_probability, step_loss
from sage_worker.shapes.autoencoder import Autoencoder, Decoder
from sage_worker.shapes.model import LATENT_SIZE, ShapesModel, guided_velocity
from sage_worker.shapes.weights import load_decoder, load_policy

TRACE_BATCH = 6
"""Any batch size that is no other dimension of the model."""
OPSET = 20
SCALAR_INPUTS = (
    "equalizer", "clip", "beta", "anchor_weight", "stepwise_weight", "stepwise_k3", "kl_scale",
)  # fmt: skip
LATENT_INPUTS = ("x", "x_next", "velocity_anchor", "velocity_reference")
MODEL_INPUTS = ("x", "sigma", "words")


def parameter_names(model: ShapesModel) -> list[str]:
    """Names in the order in which graphs take parameters and return gradients."""
    return [name for name, _ in model.named_parameters()]


def velocity_function(model: ShapesModel, guided: bool) -> Callable[..., Tensor]:
    """(params..., x, sigma, words[, guidance]) -> velocity."""
    names = parameter_names(model)
    wrapped = _Guided(model) if guided else model
    prefix = "model." if guided else ""

    def velocity(*args: Tensor) -> Tensor:
        params = {prefix + name: value for name, value in zip(names, args, strict=False)}
        return functional_call(wrapped, params, args[len(names) :])

    return velocity


def update_function(model: ShapesModel, guided: bool) -> Callable[..., tuple[Tensor, ...]]:
    """(params..., x, sigma, words[, guidance], other step inputs...) -> (StepOutputs..., gradients...)."""
    velocity = velocity_function(model, guided)
    count = len(parameter_names(model))
    model_inputs = 4 if guided else 3

    def update(*args: Tensor) -> tuple[Tensor, ...]:
        params = [p.detach().requires_grad_() for p in args[:count]]
        inputs = args[count : count + model_inputs]
        step = StepInputs(inputs[0], *args[count + model_inputs :])
        outputs = step_loss(velocity(*params, *inputs), step)
        gradients = torch.autograd.grad(outputs.loss, params)
        return (*(value.detach() for value in outputs), *gradients)

    return update


def update_input_names(guided: bool) -> list[str]:
    """Names of the update graph's inputs after the parameters, in order."""
    return [*MODEL_INPUTS, *(["guidance"] if guided else []), *StepInputs._fields[1:]]


def random_inputs(names: Sequence[str], batch: int, generator: torch.Generator) -> list[Tensor]:
    """Plausible random values for graph inputs (not parameters)."""
    values: list[Tensor] = []
    for name in names:
        if name == "words":
            columns = [torch.randint(0, n, (batch, 1), generator=generator) for n in (7, 4, 5)]
            values.append(torch.cat(columns, dim=1))
        elif name in SCALAR_INPUTS or name == "guidance":
            values.append(torch.rand((), generator=generator) + 0.5)
        elif name in LATENT_INPUTS or name == "velocity":
            values.append(torch.randn(batch, LATENT_SIZE, generator=generator))
        else:
            values.append(torch.rand(batch, generator=generator))
    return values


class _Guided(nn.Module):
    def __init__(self, model: ShapesModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, sigma: Tensor, words: Tensor, guidance: Tensor) -> Tensor:
        return guided_velocity(self.model, x, sigma, words, guidance)


class _Wrapped(nn.Module):
    def __init__(self, graph: Callable[..., object]) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, *args: Tensor) -> object:
        return self.graph(*args)


def export_graph(
    function: Callable[..., object],
    inputs: Sequence[Tensor],
    input_names: Sequence[str],
    output_names: Sequence[str],
    file: Path,
) -> onnx.ModelProto:
    """Traces `function` to core operators and writes it as ONNX with dynamic batch axis N on every batched input."""
    table: Any = core_aten_decompositions()
    traced = make_fx(function, decomposition_table=table, tracing_mode="symbolic")(*inputs)
    batch = torch.export.Dim("N")
    shapes = tuple({0: batch} if value.dim() > 0 and value.shape[0] == TRACE_BATCH else None for value in inputs)
    model = to_onnx(_Wrapped(traced), tuple(inputs), list(input_names), list(output_names), (shapes,))
    return finish(model, file)


def to_onnx(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    input_names: list[str],
    output_names: list[str],
    shapes: tuple[Any, ...],
) -> onnx.ModelProto:
    """The exporter, without its remarks on torchvision and on names of axes."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module.eval(),
                inputs,
                dynamo=True,
                optimize=True,
                opset_version=OPSET,
                input_names=input_names,
                output_names=output_names,
                dynamic_shapes=shapes,
                verbose=False,
            )
    finally:
        log.setLevel(level)
    if program is None:
        raise RuntimeError(f"the exporter returned nothing for {output_names}")
    return program.model_proto


def finish(model: onnx.ModelProto, file: Path) -> onnx.ModelProto:
    """Drops the exporter's notes (they hold local paths), checks the model and writes it atomically."""
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        value.ClearField("metadata_props")
        value.ClearField("doc_string")
    onnx.checker.check_model(model)
    temporary = file.with_suffix(".partial")
    temporary.write_bytes(model.SerializeToString(deterministic=True))
    os.replace(temporary, file)
    return model


def export_policy(model: ShapesModel, folder: Path) -> None:
    """Writes velocity, velocity_guided, update, update_guided and logprob graphs into `folder`."""
    names = parameter_names(model)
    params = [p.detach() for _, p in model.named_parameters()]
    generator = torch.Generator().manual_seed(0)
    for guided in (False, True):
        suffix = "_guided" if guided else ""
        inputs = [*MODEL_INPUTS, *(["guidance"] if guided else [])]
        values = random_inputs(inputs, TRACE_BATCH, generator)
        export_graph(
            velocity_function(model, guided),
            [*params, *values],
            [*names, *inputs],
            ["velocity"],
            folder / f"velocity{suffix}.onnx",
        )
        inputs = update_input_names(guided)
        values = random_inputs(inputs, TRACE_BATCH, generator)
        export_graph(
            update_function(model, guided),
            [*params, *values],
            [*names, *inputs],
            [*StepOutputs._fields, *(f"grad:{name}" for name in names)],
            folder / f"update{suffix}.onnx",
        )
    inputs = ["velocity", "x", "x_next", "a", "b", "logprob_scale", "logprob_offset"]
    values = random_inputs(inputs, TRACE_BATCH, generator)
    export_graph(log_probability, values, inputs, ["logprob"], folder / "logprob.onnx")


class _ClampedDecoder(nn.Module):
    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, latent: Tensor) -> Tensor:
        return self.decoder(latent).clamp(0.0, 1.0)


def export_decoder(decoder: Decoder, file: Path) -> None:
    """Writes the decoder, weights inside in float16: latent [N, 768] -> pixels [N, 8, 32, 32, 3] in [0, 1]."""
    export_frozen(_ClampedDecoder(decoder), torch.randn(TRACE_BATCH, LATENT_SIZE), "latent", "pixels", file)


class _NormalisingEncoder(nn.Module):
    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, pixels: Tensor) -> Tensor:
        return self.autoencoder.encode(pixels)


def export_encoder(autoencoder: Autoencoder, file: Path) -> None:
    """Writes the encoder, weights inside in float16: pixels [N, 8, 32, 32, 3] in [0, 1] -> latent [N, 768]."""
    export_frozen(_NormalisingEncoder(autoencoder), torch.rand(TRACE_BATCH, 8, 32, 32, 3), "pixels", "latent", file)


def export_frozen(module: nn.Module, sample: Tensor, input_name: str, output_name: str, file: Path) -> None:
    """Writes a module with its weights inside, in float16; the first axis of its one input is free."""
    model = to_onnx(module, (sample,), [input_name], [output_name], ({0: torch.export.Dim("N")},))
    halve_weights(model)
    finish(model, file)


def halve_weights(model: onnx.ModelProto) -> None:
    """Stores float32 weights as float16 and a Cast, which onnxruntime folds away when it loads the graph."""
    casts = []
    for index, tensor in enumerate(model.graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        name = tensor.name
        values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        model.graph.initializer[index].CopyFrom(onnx.numpy_helper.from_array(values, f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    model.graph.ClearField("node")
    model.graph.node.extend(nodes)


def main() -> None:
    """Command line: exports every graph for the weights in a folder, and beside them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder with policy.safetensors, decoder.safetensors")
    folder: Path = parser.parse_args().out
    export_policy(load_policy(folder / "policy.safetensors"), folder)
    export_decoder(load_decoder(folder / "decoder.safetensors"), folder / "decoder.onnx")
    for file in sorted(folder.glob("*.onnx")):
        print(f"{file.name}: {file.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
