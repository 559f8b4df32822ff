"""Progress of long work on stderr: one live line with a bar and an estimate on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO


def clock(seconds: float) -> str:
    """75 -> 1:15."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


@dataclass
class Progress:
    """Reports `total` units of work under a title."""

    title: str
    total: int
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    plain_interval: float = 15.0
    """Seconds between lines where there is no terminal."""

    def __post_init__(self) -> None:
        self.start = time.monotonic()
        self.last = 0.0

    def update(self, done: int, note: str = "") -> None:
        """Shows that `done` units are finished; cheap to call often."""
        now = time.monotonic()
        finished = done >= self.total
        terminal = self.stream.isatty()
        if not finished and now - self.last < (0.2 if terminal else self.plain_interval):
            return
        self.last = now
        elapsed = now - self.start
        remaining = elapsed / max(done, 1) * (self.total - done)
        times = f"{clock(elapsed)} elapsed, {clock(remaining)} left"
        if terminal:
            filled = 24 * done // self.total
            bar = "#" * filled + "." * (24 - filled)
            end = "\n" if finished else ""
            self.stream.write(f"\r\x1b[2K{self.title} [{bar}] {done}/{self.total} {note} {times}{end}")
        else:
            self.stream.write(f"{self.title}: {done}/{self.total} {note} {times}\n")
        self.stream.flush()
