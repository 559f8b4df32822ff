"""Times the update step (forward and backward of the loss) in PyTorch eager, torch.compile and onnxruntime.

python -m sage_worker.shapes.bench_update --weights FOLDER [--batch 32] [--repeats 20]

The three take turns within each repeat, so that a change of the machine's load strikes all of them. Prints JSON:
milliseconds per repeat and the median of the paired ratios to onnxruntime.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor
from torch.func import functional_call

from sage_worker.loss import StepInputs, StepOutputs, step_loss
from sage_worker.shapes.export import random_inputs, update_input_names
from sage_worker.shapes.graphs import open_session, run_session
from sage_worker.shapes.model import ShapesModel
from sage_worker.shapes.weights import load_policy


def torch_update(model: ShapesModel, inputs: list[Tensor], compiled: bool) -> Callable[[], None]:
    """One update step in PyTorch as a training loop would do it: loss, then gradients of all parameters."""
    params: dict[str, Tensor] = dict(model.named_parameters())

    # All terms are returned, as the graph does: compilation must not drop those that the loss does not need.
    def terms(x: Tensor, sigma: Tensor, words: Tensor, *rest: Tensor) -> StepOutputs:
        velocity = functional_call(model, params, (x, sigma, words))
        return step_loss(velocity, StepInputs(x, *rest))

    function = torch.compile(terms) if compiled else terms

    def run() -> None:
        for value in params.values():
            value.grad = None
        function(*inputs).loss.backward()

    return run


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out (it needs a C++ compiler)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = load_policy(args.weights / "policy.safetensors")
    names = update_input_names(guided=False)
    inputs = random_inputs(names, args.batch, torch.Generator().manual_seed(0))
    session = open_session(args.weights / "update.onnx", args.threads)
    feed = {name: value.detach().numpy() for name, value in model.named_parameters()}
    feed |= {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
    contestants: dict[str, Callable[[], object]] = {"onnxruntime": lambda: run_session(session, feed)}
    contestants["eager"] = torch_update(model, inputs, compiled=False)
    if not args.no_compile:
        contestants["compile"] = torch_update(model, inputs, compiled=True)
    for run in contestants.values():
        for _ in range(3):
            run()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(args.repeats):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
    base = times["onnxruntime"]
    speedup = {
        name: statistics.median(a / b for a, b in zip(values, base, strict=True))
        for name, values in times.items()
        if name != "onnxruntime"
    }
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
    medians = {name: statistics.median(values) for name, values in times.items()}
    result = {"batch": args.batch, "threads": args.threads, "versions": versions}
    print(json.dumps({**result, "medianMilliseconds": medians, "speedup": speedup, "milliseconds": times}))


if __name__ == "__main__":
    main()
