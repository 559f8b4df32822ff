"""The ways to be faster that are tried, by name."""

from __future__ import annotations

from sage_worker.performance import PerformanceOptions

FIRST = "as it is"
# In the order of the gain that is expected, so that a short loan of a device tries the most promising ones.
ATTEMPTS: dict[str, PerformanceOptions] = {
    FIRST: PerformanceOptions(),
    "attention: cudnn": PerformanceOptions(attention="_native_cudnn"),
    "attention: flash": PerformanceOptions(attention="_native_flash"),
    "compiled blocks": PerformanceOptions(compile_blocks=True),
    "compiled blocks, attention: cudnn": PerformanceOptions(compile_blocks=True, attention="_native_cudnn"),
    "10 of 54 blocks not recomputed": PerformanceOptions(kept_blocks=10),
    "28 of 54 blocks not recomputed": PerformanceOptions(kept_blocks=28),
    "guidance in one pass": PerformanceOptions(guidance="batched"),
    "attention: efficient": PerformanceOptions(attention="_native_efficient"),
    "CUDA graphs in rollouts": PerformanceOptions(recorded_rollout=True),
    "compiled blocks, autotuned": PerformanceOptions(compile_blocks=True, compile_mode="max-autotune-no-cudagraphs"),
}
