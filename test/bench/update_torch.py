"""Answers timing requests for the update step (forward and backward of the loss) in PyTorch, one line each.

A child of update-step.ts. It writes one line when it is ready, then reads lines `NAME COUNT` (NAME eager or compile) and
answers each with a JSON line: milliseconds of every step, and the norm of the gradient that the last one left.
The model and the loss are the project's own.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from sage_worker.shapes.bench_update import torch_update
from sage_worker.shapes.export import update_input_names
from sage_worker.shapes.weights import load_policy


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="policy.safetensors")
    parser.add_argument("--inputs", type=Path, required=True, help="safetensors with the graph's other inputs")
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = load_policy(args.weights)
    given = load_file(args.inputs)
    inputs = [given[name] for name in update_input_names(guided=False)]
    steps = {name: torch_update(model, inputs, compiled=name == "compile") for name in ("eager", "compile")}
    broken: dict[str, str] = {}
    for name, step in steps.items():
        try:
            for _ in range(3):
                step()
        except Exception as error:  # noqa: BLE001 torch.compile fails in many ways where no C++ compiler is
            broken[name] = str(error).splitlines()[0]
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "broken": broken}), flush=True)
    for line in sys.stdin:
        name, count = line.split()
        milliseconds = []
        for _ in range(int(count)):
            start = time.perf_counter()
            steps[name]()
            milliseconds.append(1e3 * (time.perf_counter() - start))
        squares = [float(value.grad.double().square().sum()) for value in model.parameters() if value.grad is not None]
        print(json.dumps({"milliseconds": milliseconds, "gradientNorm": sum(squares) ** 0.5}), flush=True)


if __name__ == "__main__":
    main()
