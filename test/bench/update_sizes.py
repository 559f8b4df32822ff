"""How the update step compares with torch.compile at other sizes of the network, and how fast both multiply matrices.

    PYTHONPATH=engine/worker python test/bench/update_sizes.py > test/bench/results/update-sizes.json

Forward and backward of the loss for 32 samples. onnxruntime runs as the engine does: two threads with a session each,
16 samples in either. Both sides take turns. The matrix rates are of one thread at the products of the packaged network:
PyTorch's (MKL) measured one by one, onnxruntime's (MLAS) from its profile of a run of 16 samples.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from sage_worker.shapes import export
from sage_worker.shapes.bench_update import torch_update
from sage_worker.shapes.graphs import open_session
from sage_worker.shapes.model import Architecture, ShapesModel

SIZES = ((64, 8), (48, 6), (32, 6))
"""Width and depth; the first is the packaged network's."""
PRODUCTS = ((256, 64, 192), (256, 192, 64), (256, 64, 64), (256, 64, 256), (256, 256, 64))
"""Rows, inner size and columns of the large products of 16 samples, whose backward passes have the same work."""
MATRIX_NODES = ("MatMul", "FusedMatMul", "Gemm")
ROUNDS, STEPS = 15, 12


def median_ms(run: Callable[[], object], count: int) -> float:
    """Median milliseconds of some calls."""
    spent = []
    for _ in range(count):
        started = time.perf_counter()
        run()
        spent.append(1e3 * (time.perf_counter() - started))
    return statistics.median(spent)


def exported(model: ShapesModel, file: Path, generator: torch.Generator) -> list[dict[str, Any]]:
    """Writes the update graph; inputs of both halves."""
    names, inputs = export.parameter_names(model), export.update_input_names(guided=False)
    parameters = [value.detach() for _, value in model.named_parameters()]
    outputs = [*export.StepOutputs._fields, *(f"grad:{name}" for name in names)]
    traced = [*parameters, *export.random_inputs(inputs, export.TRACE_BATCH, generator)]
    export.export_graph(export.update_function(model, guided=False), traced, [*names, *inputs], outputs, file)
    own = {name: value.numpy() for name, value in zip(names, parameters, strict=True)}
    halves = [export.random_inputs(inputs, 16, generator) for _ in range(2)]
    return [own | {n: v.numpy() for n, v in zip(inputs, half, strict=True)} for half in halves]


def compare(width: int, depth: int, folder: Path) -> dict[str, Any]:
    """The update step of one size on both sides."""
    torch.manual_seed(0)
    torch._dynamo.reset()
    generator = torch.Generator().manual_seed(0)
    model = ShapesModel(Architecture(width=width, depth=depth))
    file = folder / f"update-{width}-{depth}.onnx"
    feeds = exported(model, file, generator)
    sessions = [open_session(file, threads=1) for _ in feeds]
    whole = export.random_inputs(export.update_input_names(guided=False), 32, generator)

    def lanes() -> None:
        other = threading.Thread(target=lambda: sessions[1].run(None, feeds[1]))
        other.start()
        sessions[0].run(None, feeds[0])
        other.join()

    runs = {
        "onnxruntime": lanes,
        "eager": torch_update(model, whole, False),
        "compile": torch_update(model, whole, True),
    }
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        median_ms(run, STEPS)
    for _ in range(ROUNDS):
        for name, run in runs.items():
            # Threads of the other side spin for a moment after a step.
            time.sleep(0.1)
            spent[name].append(median_ms(run, STEPS))
    ratios = [a / b for a, b in zip(spent["compile"], spent["onnxruntime"], strict=True)]
    return {
        "width": width,
        "depth": depth,
        "parameters": sum(value.numel() for value in model.parameters()),
        "milliseconds": {name: round(statistics.median(values), 2) for name, values in spent.items()},
        "compileOverOnnxruntime": [round(f(ratios), 2) for f in (statistics.median, min, max)],
        **({"onnxruntimeAlone": matrices(file, feeds[0], folder)} if (width, depth) == SIZES[0] else {}),
    }


def matrices(file: Path, feed: dict[str, Any], folder: Path) -> dict[str, float]:
    """Milliseconds of 16 samples on one thread, and of the matrix products in them."""
    profiled = open_session(file, threads=1, profile=str(folder / "profile"))
    for _ in range(50):
        profiled.run(None, feed)
    events = json.loads(Path(profiled.end_profiling()).read_text())
    kernels = [event for event in events if event.get("cat") == "Node" and event["name"].endswith("kernel_time")]
    products = sum(event["dur"] for event in kernels if event["args"]["op_name"] in MATRIX_NODES)
    plain = open_session(file, threads=1)
    alone = median_ms(lambda: plain.run(None, feed), 100)
    return {"milliseconds": round(alone, 2), "matrixProducts": round(products / 50 / 1e3, 2)}


def rates() -> dict[str, float]:
    """GFLOP/s of PyTorch's products on one thread."""
    torch.set_num_threads(1)
    found = {}
    for rows, inner, columns in PRODUCTS:
        a, b, out = torch.randn(rows, inner), torch.randn(inner, columns), torch.empty(rows, columns)
        spent = median_ms(lambda a=a, b=b, out=out: torch.mm(a, b, out=out), 500)  # type: ignore[misc]
        found[f"{rows}x{inner}x{columns}"] = round(2e-6 * rows * inner * columns / spent, 1)
    return found


def main() -> None:
    """Prints everything as JSON."""
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
    torchs = rates()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        sizes = [compare(*size, Path(folder)) for size in SIZES]
    print(
        json.dumps({"versions": versions, "samples": 32, "threads": 2, "sizes": sizes, "torchGflops": torchs}, indent=2)
    )


if __name__ == "__main__":
    main()
