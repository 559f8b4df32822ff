"""The worker draws the engine's noise."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sage_worker.noise import NoiseKey, draw_noise, normals, philox4x32

# Made by noise_vectors.mjs from engine/method/random.ts.
VECTORS = json.loads((Path(__file__).parent / "noise_vectors.json").read_text())


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"draw {case['draw']} of {case['key']['seed']}")
def test_normals_are_those_of_the_engine(case: dict[str, Any]) -> None:
    expected = np.array(case["values"], dtype=np.float32)
    drawn = normals(NoiseKey(**case["key"]), case["draw"], len(expected))
    # Where the two mathematical libraries differ in the last bit of a float64, a float32 may round the other way.
    np.testing.assert_array_max_ulp(drawn, expected, maxulp=1)
    assert (drawn == expected).mean() > 0.9


def test_philox_gives_the_published_blocks() -> None:
    # Random123's known answers: counter and key of zeros, of ones, and of digits of pi.
    counters = [(0, 0, 0, 0), (0xFFFFFFFF,) * 4, (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)]
    keys = [(0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0xA4093822, 0x299F31D0)]
    expected = [
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ]
    for counter, key, words in zip(counters, keys, expected, strict=True):
        assert tuple(int(word) for word in philox4x32(counter, key)) == words


def test_noise_of_a_sample_depends_on_its_own_key_alone() -> None:
    keys = [NoiseKey(seed=3, stream=0, iteration=5, prompt=p, generation=g) for p in (0, 1) for g in (0, 1)]
    together = draw_noise(keys, 4, (3, 5, 2), torch.device("cpu"))
    assert together.shape == (4, 3, 5, 2)
    for row, key in zip(together, keys, strict=True):
        assert torch.equal(row, draw_noise([key], 4, (3, 5, 2), torch.device("cpu"))[0])
    assert not torch.equal(together[0], together[1])


def test_a_longer_latent_begins_as_a_shorter_one() -> None:
    key = NoiseKey(seed=3, stream=0, iteration=5, prompt=0, generation=0)
    assert np.array_equal(normals(key, 1, 4097)[:1001], normals(key, 1, 1001))


def test_a_key_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="prompt is 65536"):
        NoiseKey(seed=1, stream=0, iteration=0, prompt=65536, generation=0)
