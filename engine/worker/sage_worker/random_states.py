"""Random generators of a process: torch's, Python's and NumPy's.

Nothing of the worker draws from them, but what a user's own reward or another model draws belongs to the run: it is the
same in every run of a seed, and goes on where it was.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor


def seed_all(seed: int) -> None:
    """Begins every generator anew."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def random_states() -> dict[str, Tensor]:
    """The states of all generators, by generator; `cuda` where there is one."""
    _, words, normal = random.getstate()
    numpy: Any = np.random.get_state(legacy=False)
    mersenne = numpy["state"]
    states = {
        "cpu": torch.get_rng_state(),
        "python": torch.tensor(words, dtype=torch.int64),
        "python normal": _optional(normal),
        "numpy": torch.tensor([*mersenne["key"].tolist(), mersenne["pos"]], dtype=torch.int64),
        "numpy normal": _optional(numpy["gauss"] if numpy["has_gauss"] else None),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def restore_random_states(states: dict[str, Tensor]) -> None:
    """Goes on from what `random_states` gave; generators of which there is none stay as they are."""
    if "cpu" in states:
        torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
    if "python" in states:
        normal = states["python normal"].tolist()
        random.setstate((3, tuple(states["python"].tolist()), normal[0] if normal else None))
    if "numpy" in states:
        *key, position = states["numpy"].tolist()
        normal = states["numpy normal"].tolist()
        np.random.set_state(("MT19937", np.array(key, np.uint32), position, len(normal), normal[0] if normal else 0.0))


def _optional(value: float | None) -> Tensor:
    """The second of a pair of normals, where it is yet to be drawn; float64 [0] or [1]."""
    return torch.tensor([] if value is None else [value], dtype=torch.float64)
