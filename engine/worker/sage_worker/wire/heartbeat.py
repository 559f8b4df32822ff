"""Signs of life: what the worker takes of its memory, every two seconds, whatever else it does."""

from __future__ import annotations

import threading
import time

import torch

from sage_worker.device import used_memory
from sage_worker.wire.channel import Channel

INTERVAL = 2.0
"""Seconds."""


def start_heartbeat(channel: Channel, device: torch.device) -> None:
    """Begins to send them, until the process ends."""

    def beat() -> None:
        while True:
            time.sleep(INTERVAL)
            channel.send({"heartbeat": used_memory(device)})

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()
