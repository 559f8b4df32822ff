"""What test_ranks.py runs on one process and, under torch.distributed.run, on two: `run_ranks.py FOLDER`.

Scenarios are trained from their beginning and saved on the way; then they are resumed from what another number of
processes saved. What every step says goes into JSON files of the folder.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

# Beside this file, as conftest.py makes it for tests.
sys.path.insert(0, str(Path(__file__).parent))

from policies import (
    ADAMW,
    forward_backward,
    model_options,
    policy_options,
    real_policy,
    replay_of,
    replays,
    roll_out,
    samples,
)
from sage_worker.distributed import Ranks, gather_objects, ranks_of, start_group, wait_for_all
from sage_worker.models.shapes import load_shapes
from sage_worker.policy import TorchPolicy

Make = Callable[[Path, Any], TorchPolicy]
FAST = replace(ADAMW, learning_rate=3e-3)


def shapes(folder: Path, group: Any) -> TorchPolicy:
    rows = 4 // ranks_of(group).size
    return TorchPolicy(load_shapes(model_options()), policy_options(rows=rows), group)


def real(name: str, **options: Any) -> Make:
    def make(folder: Path, group: Any) -> TorchPolicy:
        rows = 4 // ranks_of(group).size
        return real_policy(name, folder / name, folder / "prompts", group, rows=rows, **options)

    return make


HUNYUAN, WAN = "hunyuan-video-1.5", "wan-2.1"
SCENARIOS: dict[str, Make] = {
    "shapes in full": shapes,
    "hunyuan adapter": real(HUNYUAN, activation_checkpointing=True),
    "wan in full": real(WAN, adapter=None, activation_checkpointing=True),
    "wan adapter bf16": real(WAN, precision=torch.bfloat16),
    "wan in full bf16": real(WAN, precision=torch.bfloat16, adapter=None),
}


def iterate(policy: TorchPolicy, iteration: int, ranks: Ranks) -> list[Any]:
    """One iteration: what the rollout, every micro-batch and every update say, over all processes."""
    result, videos = roll_out(policy, samples=samples(2, 4, iteration), guidance=2.0)
    brightness = {i: float(video.float().mean()) for i, video in videos.items()}
    everyones = {i: value for part in gather_objects(brightness, ranks) for i, value in part.items()}
    said: list[Any] = [{"log_probs": result.log_probs, "brightness": [everyones[i] for i in sorted(everyones)]}]
    # The last micro-batch is odd: one process has a row that the other has not, and repeats another.
    for step, of in ((0, (1, 6, 3, 4)), (3, (0, 2, 5, 7)), (1, (4, 2, 7))):
        said.append(asdict(forward_backward(policy, of, step=step, gradient_scale=0.5)))
        if step == 3:
            said.append(asdict(policy.optim_step(FAST)))
            policy.set_anchor()
    # Five rows of two steps in one go.
    together = replays(policy, replay_of((4, 2, 7), 1), replay_of((0, 3), 0), gradient_scale=0.5)
    said += [asdict(result) for result in together]
    said.append(asdict(policy.optim_step(FAST)))
    policy.release("rollout")
    return said


def run(folder: Path, group: Any) -> None:
    """Trains every scenario on these processes and saves it between the first iteration and the second."""
    ranks = ranks_of(group)
    said = {}
    for name, make in SCENARIOS.items():
        policy = make(folder, group)
        first = iterate(policy, 0, ranks)
        checkpoint = folder / f"{name} {ranks.size}"
        checkpoint.mkdir(exist_ok=True)
        # On every process the folder is there before anything is written.
        wait_for_all(ranks)
        policy.save_state(checkpoint)
        said[name] = {"first": first, "second": iterate(policy, 1, ranks)}
    write(folder, "trained", said, ranks)


def resume(folder: Path, group: Any) -> None:
    """The second iteration of every scenario from the checkpoint of the other number of processes."""
    ranks = ranks_of(group)
    said = {}
    for name, make in SCENARIOS.items():
        policy = make(folder, group)
        policy.load_state(folder / f"{name} {3 - ranks.size}")
        said[name] = iterate(policy, 1, ranks)
    write(folder, "resumed", said, ranks)


def write(folder: Path, what: str, said: object, ranks: Ranks) -> None:
    if ranks.rank == 0:
        (folder / f"{what} by {ranks.size}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    torch.set_num_threads(1)
    processes = start_group(torch.device("cpu"))
    for act in (run, resume):
        act(Path(sys.argv[1]), processes)
    dist.destroy_process_group()
