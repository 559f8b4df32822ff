"""What the measurements say against the goals: 1.5 times the baseline's speed, below 80 GB, half of the matrix rate."""

from __future__ import annotations

from measuring import GIBIBYTE, Record

SPEED = 1.5
BYTES = 80e9
UTILISATION = 0.5
KIND = "with anchor"
"""What both sides measure: the baseline knows no drift from the pre-trained model."""


def named(records: list[Record], name: str) -> Record:
    """The record of this name."""
    return next(record for record in records if record["name"] == name)


def judge(worker: list[Record], baseline: list[Record]) -> Record:
    """Each goal with what was measured; null where memory was not (on a CPU)."""
    ours = named(worker, "iteration, extrapolated")["seconds"][KIND]
    theirs = named(baseline, "iteration, extrapolated")["seconds"][KIND]
    peaks = [record["peakGiB"] for record in worker if record.get("peakGiB") is not None]
    most = max(peaks) * GIBIBYTE if peaks else None
    shares = {record["name"]: record["utilisation"] for record in worker if record.get("utilisation") is not None}
    return {
        "iteration": {
            **{"worker": ours, "baseline": theirs, "ratio": round(theirs / ours, 3)},
            "reached": theirs / ours >= SPEED,
        },
        "memory": {"peakBytes": most, "reached": None if most is None else most < BYTES},
        "utilisation": {name: {"share": share, "reached": share >= UTILISATION} for name, share in shares.items()},
    }
