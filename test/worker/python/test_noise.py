"""The worker draws the engine's noise."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sage_worker.noise import NoiseKey, draw_noise, drawn_ahead, normals, philox4x32

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


CPU = torch.device("cpu")


def test_noise_that_is_drawn_ahead_is_the_same_in_the_same_order() -> None:
    keys = [NoiseKey(seed=3, stream=0, iteration=5, prompt=p, generation=0) for p in range(3)]
    draws = [(keys[:2], 0), (keys[:2], 1), (keys[:2], 4), (keys[1:], 0), (keys[1:], 1), (keys[1:], 4)]
    with drawn_ahead(draws, (3, 5), CPU) as noises:
        found = list(noises)
    assert len(found) == 6
    for noise, (of, draw) in zip(found, draws, strict=True):
        assert torch.equal(noise, draw_noise(of, draw, (3, 5), CPU))


def test_the_next_noise_is_drawn_while_one_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [threading.Event() for _ in range(3)]

    def watched(keys: list[NoiseKey], draw: int, shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
        assert threading.current_thread() is not threading.main_thread()
        drawn[draw].set()
        return torch.full(shape, float(draw))

    monkeypatch.setattr("sage_worker.noise.draw_noise", watched)
    with drawn_ahead([([], draw) for draw in range(3)], (2,), CPU) as noises:
        for draw in range(3):
            assert float(next(noises)[0]) == draw
            # Hangs up to the limit where nothing draws it.
            assert drawn[min(draw + 1, 2)].wait(timeout=60)


def test_no_thread_is_left_of_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> torch.Tensor:
        raise MemoryError("no room")

    key = NoiseKey(seed=3, stream=0, iteration=5, prompt=0, generation=0)
    with (
        pytest.raises(ValueError, match="in use"),
        drawn_ahead([([key], draw) for draw in range(9)], (2,), CPU) as noises,
    ):
        next(noises)
        raise ValueError("in use")
    monkeypatch.setattr("sage_worker.noise.draw_noise", fail)
    with pytest.raises(MemoryError), drawn_ahead([([key], 0)], (2,), CPU) as noises:
        next(noises)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("noise")]
