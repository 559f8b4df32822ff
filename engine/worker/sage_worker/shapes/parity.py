"""Holds the exported graphs against PyTorch on fresh random latents: every output and gradient within 1e-4 relative.

python -m sage_worker.shapes.parity --weights FOLDER [--seed S] [--rounds R]

The error of a tensor is the norm of its deviation over its norm; that of the loss, a sum in which terms may cancel,
over the size of its terms. Also checked: on replay with unchanged weights the ratio is exactly one. Exits with status 1
if anything fails.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from sage_worker.loss import StepOutputs, log_probability
from sage_worker.shapes.export import (
    parameter_names,
    random_inputs,
    update_function,
    update_input_names,
    velocity_function,
)
from sage_worker.shapes.graphs import Arrays, open_session, run_session
from sage_worker.shapes.model import LATENT_SIZE, WORD_COUNTS, ShapesModel
from sage_worker.shapes.sample import sample
from sage_worker.shapes.weights import load_decoder, load_policy

TOLERANCE = 1e-4
BATCHES = (1, 5, 32)


@dataclass(frozen=True)
class Deviation:
    """Relative deviation of one output in one case."""

    case: str
    output: str
    error: float


def perturbed(model: ShapesModel, generator: torch.Generator) -> ShapesModel:
    """The model with every weight moved, so that no gradient is small by training."""
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.002 * torch.randn(value.shape, generator=generator))
    return model


def kernel_rows(batch: int, kind: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Coefficients (a, b) and log-probability constants as the kernels of method.md produce them."""
    sigma = torch.rand(batch, generator=generator) * 0.78 + 0.2
    delta = sigma * 0.3
    if kind == 0:  # the mean of the ODE with some noise
        a, b, s = torch.ones(batch), -delta, torch.full((batch,), 0.2)
    elif kind == 1:  # score-based kernels with noise variance s^2
        s = 0.5 * torch.sqrt(delta)
        a, b = 1 - s**2 / (2 * sigma), -delta - s**2 * (1 - sigma) / (2 * sigma)
    else:  # cps: mean squared error alone
        s = (sigma - delta) * 0.7
        a, b = 1 - sigma + delta + s, -sigma * (1 - sigma + delta) + (1 - sigma) * s
        return {"sigma": sigma, "a": a, "b": b, "s": s, "scale": torch.ones(batch), "offset": torch.zeros(batch)}
    offset = -torch.log(s) - 0.5 * torch.log(torch.tensor(2 * torch.pi))
    return {"sigma": sigma, "a": a, "b": b, "s": s, "scale": 1 / (2 * s**2), "offset": offset}


def draw_case(
    model: ShapesModel, guided: bool, batch: int, kind: int, k3: bool, generator: torch.Generator
) -> dict[str, Tensor]:
    """One consistent set of update inputs: x_next is a step from x, and the old log-probability is near the new."""
    names = update_input_names(guided)
    case = dict(zip(names, random_inputs(names, batch, generator), strict=True))
    rows = kernel_rows(batch, kind, generator)
    case["words"] = torch.stack(
        [torch.randint(0, count, (batch,), generator=generator) for count in WORD_COUNTS], dim=1
    )
    # Noise with clean latents of its level. The network was never made for anything else: pure noise at a low level
    # drives it so far out that single precision itself, PyTorch's as well, is off by 3e-4 in some gradients.
    sigma = rows["sigma"][:, None]
    noise = torch.randn(2, batch, LATENT_SIZE, generator=generator)
    case["x"] = (1 - sigma) * sample(model, case["words"], noise[0], steps=10, shift=3.0) + sigma * noise[1]
    case |= {"sigma": rows["sigma"], "a": rows["a"], "b": rows["b"]}
    case |= {"logprob_scale": rows["scale"], "logprob_offset": rows["offset"]}
    velocity = run_velocity(model, case, guided)
    noise = torch.randn(batch, LATENT_SIZE, generator=generator)
    case["x_next"] = rows["a"][:, None] * case["x"] + rows["b"][:, None] * velocity + rows["s"][:, None] * noise
    # Changes of either sign, inside the clip range and far outside of it, none where rounding could decide the side.
    sign = torch.where(torch.rand(batch, generator=generator) < 0.5, -1.0, 1.0)
    size = torch.tensor([0.3, 1e-3, 1e-5])[torch.arange(batch) % 3]
    change = sign * size * (1 + torch.rand(batch, generator=generator))
    case["logprob_old"] = torch_logprob(velocity, case) - change
    case["advantage"] = torch.randn(batch, generator=generator)
    case["clip"] = torch.tensor(1e-4)
    case["stepwise_k3"] = torch.tensor(float(k3))
    for base in ("velocity_anchor", "velocity_reference"):
        case[base] = velocity + 0.1 * torch.randn(batch, LATENT_SIZE, generator=generator)
    return case


def torch_logprob(velocity: Tensor, case: dict[str, Tensor]) -> Tensor:
    """`log_probability` of a case."""
    names = ("x", "x_next", "a", "b", "logprob_scale", "logprob_offset")
    return log_probability(velocity, *(case[name] for name in names))


def run_velocity(model: ShapesModel, case: dict[str, Tensor], guided: bool) -> Tensor:
    """The velocity in PyTorch."""
    names = ["x", "sigma", "words", *(["guidance"] if guided else [])]
    with torch.no_grad():
        return velocity_function(model, guided)(*model.parameters(), *(case[name] for name in names))


def compare(case: str, expected: Arrays, actual: Arrays, terms: dict[str, float] | None = None) -> list[Deviation]:
    """Relative deviations of all outputs; `terms` has the size of the terms of sums that may cancel."""
    deviations = []
    for name, value in expected.items():
        scale = max(float(np.linalg.norm(value)), (terms or {}).get(name, 0.0)) or 1.0
        error = float(np.linalg.norm(value - actual[name])) / scale
        deviations.append(Deviation(case, name, error if np.isfinite(error) else float("inf")))
    return deviations


def check_case(
    sessions: dict[str, onnxruntime.InferenceSession],
    model: ShapesModel,
    title: str,
    case: dict[str, Tensor],
    guided: bool,
) -> list[Deviation]:
    """Velocity, log-probability and update of one case, in PyTorch and in onnxruntime."""
    suffix = "_guided" if guided else ""
    params = {name: value.detach().numpy() for name, value in model.named_parameters()}
    arrays = {name: value.numpy() for name, value in case.items()}
    velocity = run_velocity(model, case, guided)
    result = update_function(model, guided)(*model.parameters(), *case.values())
    names = [*StepOutputs._fields, *(f"grad:{name}" for name in parameter_names(model))]
    expected = dict(zip(names, (value.numpy() for value in result), strict=True))
    actual = run_session(sessions[f"update{suffix}"], params | arrays)
    # The surrogate and the divergences may cancel in the loss, which then has fewer digits than its terms.
    surrogate = float(arrays["equalizer"] * (arrays["weight"] * np.abs(expected["policy_loss"])).sum())
    model_inputs = {key: arrays[key] for key in ("x", "sigma", "words", *(["guidance"] if guided else []))}
    actual_velocity = run_session(sessions[f"velocity{suffix}"], params | model_inputs)
    keys = ("x", "x_next", "a", "b", "logprob_scale", "logprob_offset")
    logprob = run_session(sessions["logprob"], {"velocity": velocity.numpy()} | {key: arrays[key] for key in keys})
    return [
        *compare(f"update{suffix} {title}", expected, actual, {"loss": surrogate}),
        *compare(f"velocity{suffix} {title}", {"velocity": velocity.numpy()}, actual_velocity),
        *compare(f"logprob {title}", {"logprob": torch_logprob(velocity, case).numpy()}, logprob),
    ]


def check_replay(
    sessions: dict[str, onnxruntime.InferenceSession], model: ShapesModel, guided: bool, generator: torch.Generator
) -> list[Deviation]:
    """Rollout in a batch of 36, replay in micro-batches of 2 to 32: ratio one and KL zero, to the bit."""
    suffix = "_guided" if guided else ""
    params = {name: value.detach().numpy() for name, value in model.named_parameters()}
    case = {name: value.numpy() for name, value in draw_case(model, guided, 36, 1, True, generator).items()}
    model_inputs = {key: case[key] for key in ("x", "sigma", "words", *(["guidance"] if guided else []))}
    velocity = run_session(sessions[f"velocity{suffix}"], params | model_inputs)["velocity"]
    keys = ("x", "x_next", "a", "b", "logprob_scale", "logprob_offset")
    logprob = run_session(sessions["logprob"], {"velocity": velocity} | {key: case[key] for key in keys})
    case |= {"logprob_old": logprob["logprob"], "velocity_anchor": velocity, "velocity_reference": velocity}
    deviations = []
    for batch in (2, 5, 8, 16, 32):
        rows = torch.randperm(36, generator=generator)[:batch].numpy()
        replay = {key: value[rows] if value.ndim else value for key, value in case.items()}
        out = run_session(sessions[f"update{suffix}"], params | replay)
        exact = (out["ratio"] == 1).all() and (out["approx_kl"] == 0).all() and out["drift_anchor"][0] == 0
        deviations.append(Deviation(f"replay{suffix} batch {batch}", "ratio", 0.0 if exact else float("inf")))
    return deviations


def check_decoder(folder: Path, generator: torch.Generator) -> list[Deviation]:
    """The decoder's graph against PyTorch."""
    session, decoder = open_session(folder / "decoder.onnx", threads=1), load_decoder(folder / "decoder.safetensors")
    deviations = []
    for batch in BATCHES:
        latent = torch.randn(batch, LATENT_SIZE, generator=generator)
        with torch.no_grad():
            expected = {"pixels": decoder(latent).clamp(0, 1).numpy()}
        deviations += compare(f"decoder batch {batch}", expected, run_session(session, {"latent": latent.numpy()}))
    return deviations


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=None, help="default: drawn afresh")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    seed = secrets.randbelow(2**31) if args.seed is None else args.seed
    generator = torch.Generator().manual_seed(seed)
    torch.set_num_threads(1)
    graphs = ("velocity", "velocity_guided", "update", "update_guided", "logprob")
    # One core each, as the lanes of the engine: threads that wait in a busy loop would be slow beside other work.
    sessions = {name: open_session(args.weights / f"{name}.onnx", threads=1) for name in graphs}
    deviations = check_decoder(args.weights, generator)
    for _ in range(args.rounds):
        model = perturbed(load_policy(args.weights / "policy.safetensors"), generator)
        for guided in (False, True):
            deviations += check_replay(sessions, model, guided, generator)
            for batch in BATCHES:
                for kind in range(3):
                    for k3 in (False, True):
                        case = draw_case(model, guided, batch, kind, k3, generator)
                        title = f"batch {batch} kernel {kind} {'k3' if k3 else 'k1'}"
                        deviations += check_case(sessions, model, title, case, guided)
    worst = sorted(deviations, key=lambda d: d.error, reverse=True)
    for deviation in worst[:8]:
        print(f"{deviation.error:.2e}  {deviation.output}  ({deviation.case})")
    failed = sum(deviation.error > TOLERANCE for deviation in deviations)
    print(f"{len(deviations)} comparisons, {failed} beyond {TOLERANCE}, seed {seed}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
