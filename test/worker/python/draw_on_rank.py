"""One of two processes of a policy that is saved and loaded: `RANK FOLDER STORE OUTPUT`, for test_random_states.py.

Draws random numbers after saving and again after loading; both go into the output file.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from policies import TinyVideo, policy_options
from sage_worker.policy import TorchPolicy


def draw(count: int) -> list[float]:
    """Numbers of every generator; of normals, which come in pairs, an odd number."""
    numbers = [random.gauss(), float(np.random.normal())]
    return numbers + [one for _ in range(count) for one in (float(torch.rand(())), random.random(), np.random.random())]


def main() -> None:
    rank, folder, store, output = int(sys.argv[1]), *(Path(argument) for argument in sys.argv[2:])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=store.as_uri(), rank=rank, world_size=2)
    policy = TorchPolicy(TinyVideo(), policy_options(seed=3), dist.group.WORLD)
    draw(rank + 1)
    policy.save_state(folder)
    saved = draw(3)
    policy.load_state(folder)
    output.write_text(json.dumps({"saved": saved, "loaded": draw(3)}))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
